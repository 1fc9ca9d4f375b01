/*
 * Text and numbers, on the console or collected in a text. No format strings: what the kernel says
 * is put together from these calls, and all other text comes from the module.
 */
#include "print.h"
#include "uart.h"

#include <stdbool.h>
#include <string.h>

#define DIGITS_MAX 20 /* of 2^64 - 1 in decimal */

/* Writes the digits up to the end of `text`. Returns where they start. */
static unsigned digits_of(uint64_t value, unsigned radix, unsigned digits, char *text) {
    unsigned start = DIGITS_MAX;
    do {
        text[--start] = "0123456789abcdef"[value % radix];
        value /= radix;
    } while (start > 0 && (value != 0 || DIGITS_MAX - start < digits));
    return start;
}

void print_text(const char *text) {
    uart_write(text, strlen(text));
}

void print_line_end(void) {
    print_text("\r\n");
}

void print_hex(uint64_t value, unsigned digits) {
    char text[DIGITS_MAX];
    unsigned start = digits_of(value, 16, digits, text);
    print_text("0x");
    uart_write(text + start, DIGITS_MAX - start);
}

void print_decimal(uint64_t value) {
    char text[DIGITS_MAX];
    unsigned start = digits_of(value, 10, 1, text);
    uart_write(text + start, DIGITS_MAX - start);
}

void text_add_bytes(struct text *text, const void *bytes, size_t length_bytes) {
    const char *next = bytes;
    for (size_t i = 0; i < length_bytes && text->length < sizeof text->bytes; i++) {
        bool is_printable = next[i] >= ' ' && next[i] <= '~';
        text->bytes[text->length++] = is_printable ? next[i] : '.';
    }
}

void text_add(struct text *text, const char *more) {
    text_add_bytes(text, more, strlen(more));
}

void text_add_hex(struct text *text, uint64_t value) {
    char digits[DIGITS_MAX];
    unsigned start = digits_of(value, 16, 1, digits);
    text_add(text, "0x");
    text_add_bytes(text, digits + start, DIGITS_MAX - start);
}

void text_add_decimal(struct text *text, uint64_t value) {
    char digits[DIGITS_MAX];
    unsigned start = digits_of(value, 10, 1, digits);
    text_add_bytes(text, digits + start, DIGITS_MAX - start);
}

void text_print(const struct text *text) {
    uart_write(text->bytes, text->length);
}
