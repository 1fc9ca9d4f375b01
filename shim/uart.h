/* Console: a 16550 in polled mode. See uart.c. */
#ifndef TSBLK_UART_H
#define TSBLK_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes the console at `base`; before the first call it is the one memlayout.h names. */
void uart_init(uint64_t base);

/* Waits as long as the far end holds the line back, so that no byte is lost. */
void uart_write(const void *bytes, size_t length_bytes);

/* Whether the last byte written ended a line. */
bool uart_is_at_line_start(void);

/* From now on a byte that is not taken in a while is dropped: a dead console must not keep a panic
 * from ending. */
void uart_stop_waiting(void);

/* The next received byte, or -1 when there is none. */
int uart_read(void);

#endif
