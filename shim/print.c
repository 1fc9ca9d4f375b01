/*
 * Text and numbers on the console. No format strings: a panic is put together from these four
 * calls, and all other text comes from the module.
 */
#include "print.h"
#include "uart.h"

#include <string.h>

#define DIGITS_MAX 20 /* of 2^64 - 1 in decimal */

static void print_number(uint64_t value, unsigned radix, unsigned digits) {
    char text[DIGITS_MAX];
    unsigned start = DIGITS_MAX;
    do {
        text[--start] = "0123456789abcdef"[value % radix];
        value /= radix;
    } while (start > 0 && (value != 0 || DIGITS_MAX - start < digits));
    uart_write(text + start, DIGITS_MAX - start);
}

void print_text(const char *text) {
    uart_write(text, strlen(text));
}

void print_line_end(void) {
    print_text("\r\n");
}

void print_hex(uint64_t value, unsigned digits) {
    print_text("0x");
    print_number(value, 16, digits);
}

void print_decimal(uint64_t value) {
    print_number(value, 10, 1);
}
