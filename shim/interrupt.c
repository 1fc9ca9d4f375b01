/*
 * Sleep until there is something to do. Interrupts are disabled in mstatus then, and wfi returns as
 * soon as one that mie selects is pending: nothing is taken, so nothing can be lost between the
 * last look at the UART or at a ring and the wfi. Those of the PLIC are selected during a sleep
 * only; the timer's always, for deadline.c.
 *
 * The lines of virtio devices are held high until the driver acknowledges. So what was claimed for
 * one is completed only after the driver has had its turn; otherwise it would be pending again. The
 * UART comes first, whatever the devices do.
 */
#include "interrupt.h"
#include "memlayout.h"
#include "timer.h"

#define PLIC_PRIORITY(source) (4 * (uint64_t)(source))
#define PLIC_ENABLE           0x2000 /* context 0: M-mode of hart 0 */
#define PLIC_THRESHOLD        0x200000
#define PLIC_CLAIM            0x200004
#define PLIC_SOURCES_MAX      1024
#define DEVICE_PRIORITY       1
#define UART_PRIORITY         2

#define MIE_MTIE (1 << 7)
#define MIE_MEIE (1 << 11)

static uint64_t interrupt_plic = PLIC_BASE;
static uint32_t interrupt_uart;
static uint32_t interrupt_claimed; /* a device's, to be completed; 0 for none */

static volatile uint32_t *interrupt_register(uint64_t offset) {
    return (volatile uint32_t *)(interrupt_plic + offset);
}

static void interrupt_enable(uint32_t source, uint32_t priority) {
    if (source != 0 && source < PLIC_SOURCES_MAX) {
        *interrupt_register(PLIC_PRIORITY(source)) = priority;
        *interrupt_register(PLIC_ENABLE + source / 32 * 4) |= (uint32_t)1 << source % 32;
    }
}

void interrupt_init(uint64_t plic_base, uint32_t uart_irq, const uint32_t *device_irqs,
                    uint32_t device_count) {
    interrupt_plic = plic_base;
    interrupt_uart = uart_irq;
    for (uint32_t i = 0; i < device_count; i++) {
        interrupt_enable(device_irqs[i], DEVICE_PRIORITY);
    }
    interrupt_enable(uart_irq, UART_PRIORITY);
    *interrupt_register(PLIC_THRESHOLD) = 0;
    uint64_t enabled = MIE_MTIE;
    __asm__ volatile("csrw mie, %0" : : "r"(enabled));
}

static void interrupt_complete(void) {
    if (interrupt_claimed != 0) {
        *interrupt_register(PLIC_CLAIM) = interrupt_claimed;
        interrupt_claimed = 0;
    }
}

bool interrupt_take(void) {
    uint64_t pending;
    interrupt_complete();
    __asm__ volatile("csrr %0, mip" : "=r"(pending));
    if ((pending & MIE_MEIE) == 0) {
        return false;
    }
    interrupt_claimed = *interrupt_register(PLIC_CLAIM);
    if (interrupt_claimed != interrupt_uart) {
        return false;
    }
    /* Completed before the UART is drained: a byte that comes in between makes it pending again. */
    interrupt_complete();
    return true;
}

void interrupt_sleep(uint64_t milliseconds) {
    uint64_t external = MIE_MEIE;
    interrupt_complete();
    timer_set_alarm(timer_now_ticks() + timer_ticks_of_ms(milliseconds));
    __asm__ volatile("csrs mie, %0\n\twfi\n\tcsrc mie, %0" : : "r"(external) : "memory");
}
