/*
 * Sleep until there is something to do. Interrupts are disabled in mstatus then, and wfi returns as
 * soon as one that mie selects is pending: nothing is taken, so nothing can be lost between the
 * last look at the UART and the wfi. The UART's is selected during a sleep only; the timer's
 * always, for deadline.c.
 */
#include "interrupt.h"
#include "memlayout.h"
#include "timer.h"

#define PLIC_PRIORITY(source) (4 * (uint64_t)(source))
#define PLIC_ENABLE           0x2000 /* context 0: M-mode of hart 0 */
#define PLIC_THRESHOLD        0x200000
#define PLIC_CLAIM            0x200004
#define PLIC_SOURCES_MAX      1024

#define MIE_MTIE (1 << 7)
#define MIE_MEIE (1 << 11)

static uint64_t interrupt_plic = PLIC_BASE;

static volatile uint32_t *interrupt_register(uint64_t offset) {
    return (volatile uint32_t *)(interrupt_plic + offset);
}

void interrupt_init(uint64_t plic_base, uint32_t uart_irq) {
    interrupt_plic = plic_base;
    uint32_t source = uart_irq % PLIC_SOURCES_MAX;
    *interrupt_register(PLIC_PRIORITY(source)) = 1;
    *interrupt_register(PLIC_ENABLE + source / 32 * 4) = (uint32_t)1 << source % 32;
    *interrupt_register(PLIC_THRESHOLD) = 0;
    uint64_t enabled = MIE_MTIE;
    __asm__ volatile("csrw mie, %0" : : "r"(enabled));
}

bool interrupt_take(void) {
    uint64_t pending;
    __asm__ volatile("csrr %0, mip" : "=r"(pending));
    if ((pending & MIE_MEIE) == 0) {
        return false;
    }
    /* Completed before the UART is drained: a byte that comes in between makes it pending again. */
    uint32_t source = *interrupt_register(PLIC_CLAIM);
    *interrupt_register(PLIC_CLAIM) = source;
    return true;
}

void interrupt_sleep(uint64_t milliseconds) {
    uint64_t uart = MIE_MEIE;
    timer_set_alarm(timer_now_ticks() + timer_ticks_of_ms(milliseconds));
    __asm__ volatile("csrs mie, %0\n\twfi\n\tcsrc mie, %0" : : "r"(uart) : "memory");
}
