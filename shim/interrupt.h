/* What ends a sleep. See interrupt.c. */
#ifndef TSBLK_INTERRUPT_H
#define TSBLK_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* From now on interrupt `uart_irq` of the PLIC at `plic_base`, those of the devices, of which 0
 * stands for none, and the timer end a sleep. */
void interrupt_init(uint64_t plic_base, uint32_t uart_irq, const uint32_t *device_irqs,
                    uint32_t device_count);

/*
 * Takes the interrupt that is pending, if one is: whether it is the UART's, so that a console byte
 * has arrived. That of a device is over with the next call of a function here: its driver has to
 * acknowledge it before. Costs a few instructions when none is pending, and does not leave the CPU.
 */
bool interrupt_take(void);

/* Sleeps until there is an interrupt to take, or `milliseconds` have passed. */
void interrupt_sleep(uint64_t milliseconds);

#endif
