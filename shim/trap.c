/*
 * What a trap of the kernel itself prints: cause, pc, address, and all registers by name, four a
 * line. Every trap is the end: interrupts are never enabled, and nothing in the kernel is meant to
 * fault.
 */
#include "panic.h"
#include "power.h"
#include "print.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define REGISTER_COUNT        32
#define REGISTERS_PER_LINE    4
#define REGISTER_NAME_COLUMNS 4

/* Called from boot.S, on the trap stack. */
_Noreturn void trap_report(const uint64_t *registers);
_Noreturn void trap_report_nested(void);

static const char *const register_names[REGISTER_COUNT] = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

static const char *const cause_names[] = {
    "misaligned instruction address",
    "instruction access fault",
    "illegal instruction",
    "breakpoint",
    "misaligned load",
    "load access fault",
    "misaligned store",
    "store access fault",
    "environment call from U-mode",
    "environment call from S-mode",
    "reserved exception",
    "environment call from M-mode",
    "instruction page fault",
    "load page fault",
    "reserved exception",
    "store page fault",
};

static const char *trap_cause_name(uint64_t cause) {
    if (cause < sizeof cause_names / sizeof cause_names[0]) {
        return cause_names[cause];
    }
    return "unknown trap";
}

static void trap_print_registers(const uint64_t *registers) {
    for (unsigned i = 0; i < REGISTER_COUNT; i++) {
        print_text(i % REGISTERS_PER_LINE == 0 ? "\r\n" : "");
        for (size_t pad = strlen(register_names[i]); pad < REGISTER_NAME_COLUMNS + 1; pad++) {
            print_text(" ");
        }
        print_text(register_names[i]);
        print_text(" ");
        print_hex(registers[i], 16);
    }
}

void trap_report(const uint64_t *registers) {
    uint64_t cause;
    uint64_t pc;
    uint64_t address;
    __asm__ volatile("csrr %0, mcause" : "=r"(cause));
    __asm__ volatile("csrr %0, mepc" : "=r"(pc));
    __asm__ volatile("csrr %0, mtval" : "=r"(address));
    panic_begin();
    print_text(trap_cause_name(cause));
    print_text(" at pc ");
    print_hex(pc, 8);
    print_text(" address ");
    print_hex(address, 8);
    trap_print_registers(registers);
    panic_end();
}

void trap_report_nested(void) {
    panic("trap inside a trap report");
}
