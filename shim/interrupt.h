/* What ends a sleep. See interrupt.c. */
#ifndef TSBLK_INTERRUPT_H
#define TSBLK_INTERRUPT_H

#include <stdint.h>

/* From now on interrupt `uart_irq` of the PLIC at `plic_base`, and the timer, end a sleep. */
void interrupt_init(uint64_t plic_base, uint32_t uart_irq);

/* Sleeps until a console byte has arrived since the last call, or `milliseconds` have passed. */
void interrupt_sleep(uint64_t milliseconds);

#endif
