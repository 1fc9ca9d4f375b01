/* What ends a sleep. See interrupt.c. */
#ifndef TSBLK_INTERRUPT_H
#define TSBLK_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* From now on interrupt `uart_irq` of the PLIC at `plic_base`, and the timer, end a sleep. */
void interrupt_init(uint64_t plic_base, uint32_t uart_irq);

/* Takes the interrupt of the UART: whether a console byte has arrived since the last call. Costs
 * one instruction when none has, and never leaves the CPU. */
bool interrupt_take(void);

/* Sleeps until there is an interrupt to take, or `milliseconds` have passed. */
void interrupt_sleep(uint64_t milliseconds);

#endif
