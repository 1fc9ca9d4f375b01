/* Text and numbers on the console, and a text to collect them in. See print.c. */
#ifndef TSBLK_PRINT_H
#define TSBLK_PRINT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_BYTES_MAX 240

/* Zeroed it is empty. What does not fit is left out. */
struct text {
    char bytes[TEXT_BYTES_MAX];
    unsigned length;
};

void print_text(const char *text);

/* Ends the line as a terminal in raw mode wants it: "\r\n". */
void print_line_end(void);

/* `0x` and at least `digits` (1 to 16) hex digits. */
void print_hex(uint64_t value, unsigned digits);

void print_decimal(uint64_t value);

void text_add(struct text *text, const char *more);

/* Bytes from outside: what is not printable ASCII becomes a dot. */
void text_add_bytes(struct text *text, const void *bytes, size_t length_bytes);

void text_add_hex(struct text *text, uint64_t value);
void text_add_decimal(struct text *text, uint64_t value);
void text_print(const struct text *text);

#endif
