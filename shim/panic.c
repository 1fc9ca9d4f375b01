/*
 * A panic is one line that begins with `TSBLK: panic: `, perhaps more lines of detail, and exit
 * status 70. There is no way back from it.
 */
#include "panic.h"
#include "power.h"
#include "print.h"
#include "uart.h"

#define PANIC_STATUS 70

void panic_begin(void) {
    uart_stop_waiting();
    /* The module may have left the cursor in the middle of a line. */
    print_text("\r\nTSBLK: panic: ");
}

void panic_end(void) {
    print_line_end();
    power_off(PANIC_STATUS);
}

void panic(const char *text) {
    panic_begin();
    print_text(text);
    panic_end();
}
