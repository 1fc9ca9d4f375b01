/* Text and numbers on the console, for panics only. See print.c. */
#ifndef TSBLK_PRINT_H
#define TSBLK_PRINT_H

#include <stdint.h>

void print_text(const char *text);

/* Ends the line as a terminal in raw mode wants it: "\r\n". */
void print_line_end(void);

/* `0x` and at least `digits` (1 to 16) hex digits. */
void print_hex(uint64_t value, unsigned digits);

void print_decimal(uint64_t value);

#endif
