/*
 * The kernel's devices for module_runner.c: a console that keeps the last line
 * of a panic, a clock that moves on each time it is asked, the heap of wasm3
 * with the length it has in the kernel, and the embedded module, not
 * compressed and without a line table. Whatever ends the machine ends the process with status 0 and
 * a line that says why.
 */
#include "check.h"
#include "host_stand_ins.h"

#include "../../shim/crc32c.h"
#include "../../shim/deadline.h"
#include "../../shim/memlayout.h"
#include "../../shim/memory.h"
#include "../../shim/panic.h"
#include "../../shim/power.h"
#include "../../shim/print.h"
#include "../../shim/timer.h"
#include "../../shim/uart.h"

#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define STORED_BYTES_MAX 0xffff
#define CLOCK_STEP_NS    50000
#define HEAP_GRAIN_BYTES 16

/* A module of the greatest length, in stored blocks of DEFLATE. */
__asm__(".pushsection .data\n"
        ".globl module_compressed, module_compressed_end\n"
        ".balign 8\n"
        "module_compressed: .zero 0x110000\n"
        "module_compressed_end:\n"
        ".globl lines_compressed, lines_compressed_end\n"
        "lines_compressed: .zero 4\n"
        "lines_compressed_end:\n"
        ".popsection\n");

extern uint8_t module_compressed[];

static struct validate_cost expected;
static bool is_expected;
static uint64_t heap_used_bytes;
static uint64_t heap_peak_bytes;
static const void *pinned;
static bool is_panicking;
static char text[256];
static size_t text_bytes;

static _Noreturn void end(const char *how) {
    printf("%s %.*s", how, (int)text_bytes, text);
    fflush(stdout);
    _exit(0);
}

void stand_ins_embed(const uint8_t *bytes, uint32_t length_bytes) {
    crc32c_init();
    uint32_t head[2] = {length_bytes, crc32c(0, bytes, length_bytes)};
    memcpy(module_compressed, head, sizeof head);
    uint8_t *out = module_compressed + sizeof head;
    uint32_t left_bytes = length_bytes;
    do {
        uint16_t stored = left_bytes < STORED_BYTES_MAX ? (uint16_t)left_bytes : STORED_BYTES_MAX;
        left_bytes -= stored;
        uint16_t lengths[2] = {stored, (uint16_t)~stored};
        *out++ = left_bytes == 0;
        memcpy(out, lengths, sizeof lengths);
        memcpy(out + sizeof lengths, bytes, stored);
        out += sizeof lengths + stored;
        bytes += stored;
    } while (left_bytes != 0);
}

void stand_ins_expect(const struct validate_cost *cost) {
    expected = *cost;
    is_expected = true;
}

void stand_ins_report_heap(void) {
    printf("heap %llu %llu ", (unsigned long long)heap_peak_bytes,
           (unsigned long long)expected.heap_bytes);
}

static void on_alarm(int signal) {
    (void)signal;
    static const char line[] = "ran deadline";
    fflush(stdout);
    _exit(write(STDOUT_FILENO, line, sizeof line - 1) < 0);
}

void stand_ins_on_deadline(void) {
    signal(SIGVTALRM, on_alarm);
}

/* The console. */

static void keep(const void *bytes, size_t length_bytes) {
    size_t room = sizeof text - text_bytes;
    size_t kept = length_bytes < room ? length_bytes : room;
    memcpy(text + text_bytes, bytes, kept);
    text_bytes += kept;
}

/* The console of a module that runs is read, for the sanitizer, and lost. */
void uart_write(const void *bytes, size_t length_bytes) {
    static uint8_t console[1 << 16];
    size_t kept = length_bytes < sizeof console ? length_bytes : sizeof console;
    memcpy(console, bytes, kept);
    if (is_panicking && memchr(text, '\r', text_bytes) == NULL) {
        keep(bytes, kept);
    }
}

void panic_begin(void) {
    is_panicking = true;
}

void panic_end(void) {
    for (size_t i = 0; i < text_bytes; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            text_bytes = i;
        }
    }
    end(strncmp(text, "memory of the kernel", 20) == 0 ? "crashed" : "stopped");
}

void panic(const char *line) {
    panic_begin();
    print_text(line);
    panic_end();
}

/* Power and time. A call that takes too long ends with the process. */

bool deadline_run(void (*run)(void *), void *context) {
    run(context);
    return true;
}

bool deadline_is_over(void) {
    return false;
}

uint64_t deadline_milliseconds(void) {
    return 0;
}

const uint64_t *deadline_stopped_registers(void) {
    return NULL;
}

void power_off(uint32_t status) {
    CHECK(status <= POWER_STATUS_MAX);
    end("ended");
}

void power_reboot(void) {
    end("ended");
}

uint64_t timer_now_ns(void) {
    static uint64_t now_ns;
    return now_ns += CLOCK_STEP_NS;
}

/* The heap. */

static uint64_t block_bytes(void *block) {
    uint64_t grains = (malloc_usable_size(block) + HEAP_GRAIN_BYTES - 1) / HEAP_GRAIN_BYTES;
    return block == NULL ? 0 : (grains + 1) * HEAP_GRAIN_BYTES;
}

static void *account(void *block) {
    heap_used_bytes += block_bytes(block);
    if (heap_used_bytes > heap_peak_bytes) {
        heap_peak_bytes = heap_used_bytes;
    }
    CHECK(!is_expected || heap_used_bytes <= HEAP_BYTES);
    return block;
}

void memory_pin(const void *header) {
    pinned = header;
}

/* A module has one instance here. */
size_t memory_extent_bytes(void) {
    return 0;
}

void memory_save(struct memory_image *image, void *bytes) {
    *image = (struct memory_image){.bytes = bytes};
}

void memory_restore(const struct memory_image *image) {
    CHECK(image == NULL);
}

void *memory_calloc(size_t count, size_t element_bytes) {
    return account(calloc(count, element_bytes));
}

void *memory_realloc(void *block, size_t length_bytes) {
    if (block == pinned && block != NULL) {
        return NULL;
    }
    heap_used_bytes -= block_bytes(block);
    return account(realloc(block, length_bytes));
}

void memory_free(void *block) {
    if (block != pinned) {
        heap_used_bytes -= block_bytes(block);
        free(block);
    }
}
