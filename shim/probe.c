/*
 * What the kernel must not be able to do to itself, one thing a boot (`probe=<n>`, in a debug
 * kernel only): each must end in a fault. And damage to the canary pages, which must be found when
 * they are looked at next.
 */
#if TSBLK_DEBUG

#include "canary.h"
#include "memlayout.h"
#include "panic.h"
#include "probe.h"

#define RISCV_RET 0x00008067

extern const uint8_t __text_start[];
extern const uint8_t __text_end[]; /* where the constants begin */
extern const uint8_t __stack_guard[];

static volatile uint32_t probe_data = RISCV_RET;

static void probe_write(uint64_t address) {
    *(volatile uint32_t *)address = RISCV_RET;
}

static void probe_read(uint64_t address) {
    (void)*(volatile const uint32_t *)address;
}

static void probe_execute(uint64_t address) {
    __asm__ volatile("fence.i" : : : "memory");
    ((void (*)(void))address)();
}

void probe_try(uint64_t probe, uint64_t linear_memory) {
    uint32_t on_stack = RISCV_RET;
    /* Hidden from the compiler: to it, nothing is ever at address zero. */
    uint64_t zero = 0;
    __asm__ volatile("" : "+r"(zero), "+m"(on_stack));
    switch (probe) {
    case 1:
        probe_write((uint64_t)__text_start);
        break;
    case 2:
        probe_write((uint64_t)__text_end);
        break;
    case 3:
        probe_execute((uint64_t)__text_end);
        break;
    case 4:
        probe_execute((uint64_t)&probe_data);
        break;
    case 5:
        probe_execute((uint64_t)&on_stack);
        break;
    case 6:
        probe_write(linear_memory);
        probe_execute(linear_memory);
        break;
    case 7:
        probe_read(zero);
        break;
    case 8:
        probe_write(zero + PAGE_BYTES - sizeof(uint32_t));
        break;
    case 9:
        probe_read((uint64_t)__stack_guard);
        break;
    case 10:
        probe_write((uint64_t)__stack_guard + PAGE_BYTES - sizeof(uint32_t));
        break;
    case 11:
        __asm__ volatile("csrw pmpcfg0, zero");
        probe_write((uint64_t)__text_start);
        break;
    default:
        canary_damage((unsigned)probe);
        return;
    }
    panic("the probe was not stopped");
}

#endif
