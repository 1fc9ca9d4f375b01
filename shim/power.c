/*
 * The test finisher (sifive,test0): one 32-bit store ends the machine or restarts it. QEMU refuses
 * stores of 8 and 64 bits, and newer ones let the hart run on for a while after the store, so it
 * sleeps here.
 */
#include "memlayout.h"
#include "power.h"

#define FINISHER_FAIL  0x3333 /* exit status in the upper half */
#define FINISHER_PASS  0x5555 /* exit status 0; older QEMUs ignore the upper half */
#define FINISHER_RESET 0x7777

static volatile uint32_t *power_finisher = (volatile uint32_t *)FINISHER_BASE;

void power_init(uint64_t base) {
    power_finisher = (volatile uint32_t *)base;
}

static _Noreturn void power_finish(uint32_t value) {
    *power_finisher = value;
    for (;;) {
        __asm__ volatile("wfi");
    }
}

void power_off(uint32_t status) {
    power_finish(status == 0 ? FINISHER_PASS : FINISHER_FAIL | status << 16);
}

void power_reboot(void) {
    power_finish(FINISHER_RESET);
}
