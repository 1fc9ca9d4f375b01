/*
 * Where everything lies in physical memory, and every number that is a place or a size.
 *
 *   0x00000000  +---------------------------+
 *   0x00001000  | boot ROM                  |  RESET_BASE      where a reset begins
 *   0x00100000  | test finisher             |  FINISHER_BASE   power off, reboot
 *   0x02000000  | CLINT                     |  CLINT_BASE      mtimecmp
 *   0x0c000000  | PLIC                      |  PLIC_BASE       wakes wfi on a console byte
 *   0x10000000  | UART 16550                |  UART_BASE
 *   0x10001000  | virtio,mmio windows       |  no fall-back: none in the tree, none granted
 *               |                           |
 *   0x80000000  +---------------------------+  RAM_BASE, where hart 0 starts
 *               | text, constants, module,  |
 *               |   compressed              |
 *               | data, bss                 |
 *               +---------------------------+  page
 *               | guard page                |  refuses every access (boot.S)
 *               | stack, grows down         |  STACK_BYTES
 *               | trap stack                |  TRAP_STACK_BYTES
 *               +---------------------------+  __kernel_end, page
 *               | canary page, ends with    |
 *               |   wasm3's memory header   |
 *               +---------------------------+  page = offset 0 of linear memory = dmaBase()
 *               | linear memory             |  size: what the module declares
 *               +---------------------------+
 *               | canary page               |
 *               | unused                    |
 *               +---------------------------+  page
 *               | heap and data as loaded   |
 *               | the module, its lines     |
 *               +---------------------------+
 *               | canary page               |
 *               | heap of wasm3             |  HEAP_BYTES
 *               | canary page               |
 *               +---------------------------+  usable end: the device tree, or the end of RAM
 *               | device tree               |  left as it was found
 *               +---------------------------+
 *
 * Device addresses and the RAM size are fall-backs, QEMU virt's values: what the device tree says
 * wins. Assembly and the linker script include this file too, so it holds nothing but constants.
 */
#ifndef TSBLK_MEMLAYOUT_H
#define TSBLK_MEMLAYOUT_H

#define RAM_BASE  0x80000000
#define RAM_BYTES 0x08000000

#define RESET_BASE    0x00001000
#define FINISHER_BASE 0x00100000
#define CLINT_BASE    0x02000000
#define PLIC_BASE     0x0c000000
#define UART_BASE     0x10000000
#define UART_IRQ      10
#define TIMEBASE_HZ   10000000

#define PAGE_BYTES 4096

/* The interpreter uses 96 bytes of stack a call, 48 more for each loop the call is in. */
#define STACK_BYTES      0x40000
#define TRAP_STACK_BYTES 0x2000

/* Left free below any call into the module, for the deepest import and wasm3's own C. */
#define STACK_RESERVE_BYTES 0x4000

/* wasm3's code pages, their map back to the module, names, and the stack of WASM values. */
#define HEAP_BYTES       0x800000
#define WASM_STACK_BYTES 0x10000

/* The module, expanded, is at most this long; a longer one is refused. */
#define MODULE_BYTES_MAX 0x100000

/* The device tree is at most this long; a longer one is refused. */
#define DEVICE_TREE_BYTES_MAX 0x200000
#define BOOT_ARGS_BYTES_MAX   4096

#endif
