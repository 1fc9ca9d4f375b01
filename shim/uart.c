/*
 * The 16550 UART: bytes out by polling, bytes in from its FIFO, an interrupt on every received byte
 * so that wfi wakes. It sets no baud rate and no format: QEMU has neither, and firmware has set
 * them elsewhere. Received bytes stay in the FIFO until the main loop asks; when it is full QEMU
 * holds the rest back.
 */
#include "deadline.h"
#include "memlayout.h"
#include "uart.h"

#include <stdbool.h>

#define RBR 0 /* receive buffer, read */
#define THR 0 /* transmit holding, write */
#define IER 1 /* interrupt enable */
#define FCR 2 /* FIFO control, write */
#define LSR 5 /* line status */

#define IER_RECEIVED   0x01
#define FCR_ENABLE     0x01 /* the trigger level bits stay 0: interrupt on the first byte */
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY  0x20

#define POLLS_WHEN_IMPATIENT 100000

static volatile uint8_t *uart_registers = (volatile uint8_t *)UART_BASE;
static bool uart_is_impatient;
static uint8_t uart_last_byte = '\n';
static bool uart_has_fifo;

void uart_init(uint64_t base) {
    volatile uint8_t *registers = (volatile uint8_t *)base;
    registers[IER] = IER_RECEIVED;
    /* Last, whatever the compiler thinks: a base that faults is reported on the old console. */
    __asm__ volatile("" : : : "memory");
    uart_registers = registers;
}

static bool uart_is_taking(void) {
    return (uart_registers[LSR] & LSR_THR_EMPTY) != 0;
}

/* Whoever is written for does not pay for the time that the far end holds the line back. */
static void uart_wait(void) {
    uint32_t polls = 0;
    deadline_pause();
    while (!uart_is_taking() && !(uart_is_impatient && ++polls > POLLS_WHEN_IMPATIENT)) {
    }
    deadline_resume();
}

static void uart_write_byte(uint8_t byte) {
    if (!uart_is_taking()) {
        uart_wait();
    }
    if (!uart_is_impatient || uart_is_taking()) {
        uart_registers[THR] = byte;
        uart_last_byte = byte;
    }
}

void uart_write(const void *bytes, size_t length_bytes) {
    const uint8_t *next = bytes;
    for (size_t i = 0; i < length_bytes; i++) {
        uart_write_byte(next[i]);
    }
}

bool uart_is_at_line_start(void) {
    return uart_last_byte == '\n';
}

void uart_stop_waiting(void) {
    uart_is_impatient = true;
}

/* Drops what has been received, so it comes when nothing has. Should a byte come in between, it is
 * lost, but reading lets QEMU go on with the next one. */
static void uart_enable_fifo(void) {
    uart_has_fifo = true;
    uart_registers[FCR] = FCR_ENABLE;
    (void)uart_registers[RBR];
}

int uart_read(void) {
    if ((uart_registers[LSR] & LSR_DATA_READY) != 0) {
        return uart_registers[RBR];
    }
    if (!uart_has_fifo) {
        uart_enable_fifo();
    }
    return -1;
}
