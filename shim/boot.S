/*
 * Entry and trap vector. QEMU (-bios none) starts every hart here in M-mode with a0 = hart id, a1 =
 * device tree.
 *
 * Hart 0 gets a stack, a guard page below it and a cleared bss, and goes to main; the other harts
 * sleep for good. Interrupts are enabled in mstatus only while the module runs, and of those only
 * the timer's: it ends a call that takes too long (deadline.c). Everywhere else a trap is an error,
 * and nothing runs behind the back of the main loop. Floating point stays off: an instruction of it
 * traps.
 */
#include "memlayout.h"

/* A byte for each entry, 0 in the lowest: locked, NAPOT or up to the address (TOR), rights. */
#define PMP_ENTRIES 0x009b9d898d809898
#define TRAP_FRAME_BYTES 256
#define CALL_FRAME_BYTES 112
#define MSTATUS_MIE 8
#define PANIC_STATUS 70

    .section .text.boot, "ax"
    .globl _start
_start:
    csrw mie, zero
    csrr t0, mhartid
    bnez t0, park
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, __stack_top
    la t0, __trap_stack_top
    csrw mscratch, t0
    la t0, trap_vector
    csrw mtvec, t0

    /*
     * Physical memory protection. The entries are locked, so they bind the kernel too and no code
     * of it can take them back; the first one that matches an address decides.
     *
     *   0      page zero              nothing
     *   1      guard below the stack  nothing
     *   2, 3   text                   read, execute
     *   4      constants              read
     *   5      where a reset begins   read, execute: QEMU before 9.2 resets the CPU and not these
     *   6      all the rest           read, write
     *
     * They bind this CPU. Devices are bound by the guard (guard.c). NAPOT of one 4 KiB page: the
     * address bits above 12, then nine ones.
     */
    li t0, 0x1ff
    csrw pmpaddr0, t0
    la t0, __stack_guard
    srli t0, t0, 2
    ori t0, t0, 0x1ff
    csrw pmpaddr1, t0
    la t0, __text_start
    srli t0, t0, 2
    csrw pmpaddr2, t0
    la t0, __text_end
    srli t0, t0, 2
    csrw pmpaddr3, t0
    la t0, __constants_end
    srli t0, t0, 2
    csrw pmpaddr4, t0
    li t0, RESET_BASE >> 2 | 0x1ff
    csrw pmpaddr5, t0
    li t0, -1
    csrw pmpaddr6, t0
    li t0, PMP_ENTRIES
    csrw pmpcfg0, t0

    la t0, __bss_start
    la t1, __bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  mv a0, a1
    tail shim_main

    .balign 4
park:
    wfi
    j park

/*
 * mscratch holds the top of the trap stack while all is well, and zero while a trap is being dealt
 * with: a trap that finds zero there happened inside that.
 */
    .balign 4
trap_vector:
    csrrw sp, mscratch, sp
    beqz sp, trap_in_trap
    addi sp, sp, -TRAP_FRAME_BYTES
    sd x0, 0(sp)
    sd x1, 8(sp)
    .irp register, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
    sd x\register, 8*\register(sp)
    .endr
    .irp register, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\register, 8*\register(sp)
    .endr
    csrrw t0, mscratch, zero
    sd t0, 16(sp)
    mv a0, sp
    csrr t0, mcause
    bltz t0, interrupt
    tail trap_report

interrupt:
    call deadline_interrupt
    addi t0, sp, TRAP_FRAME_BYTES
    csrw mscratch, t0
    ld x1, 8(sp)
    .irp register, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
    ld x\register, 8*\register(sp)
    .endr
    .irp register, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld x\register, 8*\register(sp)
    .endr
    ld sp, 16(sp)
    mret

    .balign 4
trap_in_trap:
    la sp, __trap_stack_top
    la t0, trap_in_last_words
    csrw mtvec, t0
    tail trap_report_nested

/* Not even one line can be printed. */
    .balign 4
trap_in_last_words:
    la sp, __trap_stack_top
    la t0, park
    csrw mtvec, t0
    li a0, PANIC_STATUS
    tail power_off

/*
 * bool deadline_call(void (*run)(void *), void *context): run(context) with interrupts on. Returns
 * 1; or 0 when deadline_interrupt has gone to deadline_abandon, which drops the stack of `run`.
 */
    .text
    .globl deadline_call
deadline_call:
    addi sp, sp, -CALL_FRAME_BYTES
    sd ra, 0(sp)
    sd s0, 8(sp)
    sd s1, 16(sp)
    .irp register, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd s\register, 8+8*\register(sp)
    .endr
    la t0, deadline_frame
    sd sp, 0(t0)
    mv t0, a0
    mv a0, a1
    csrsi mstatus, MSTATUS_MIE
    jalr t0
    csrci mstatus, MSTATUS_MIE
    li a0, 1
1:  la t0, deadline_frame
    sd zero, 0(t0)
    ld ra, 0(sp)
    ld s0, 8(sp)
    ld s1, 16(sp)
    .irp register, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld s\register, 8+8*\register(sp)
    .endr
    addi sp, sp, CALL_FRAME_BYTES
    ret

/* Entered with interrupts off, by mret. */
    .globl deadline_abandon
deadline_abandon:
    la t0, deadline_frame
    ld sp, 0(t0)
    li a0, 0
    j 1b
