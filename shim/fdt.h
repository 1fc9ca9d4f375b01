/* What the kernel wants to know from the device tree. See fdt.c. */
#ifndef TSBLK_FDT_H
#define TSBLK_FDT_H

#include <stdint.h>

#define FDT_WINDOWS_MAX 32

struct fdt_region {
    uint64_t base;
    uint64_t length_bytes;
};

/* A region of length 0, and a number that is 0, were not in the tree. */
struct fdt_machine {
    struct fdt_region memory;
    struct fdt_region uart;
    struct fdt_region clint;
    struct fdt_region plic;
    struct fdt_region finisher;
    uint32_t uart_irq;
    uint32_t timebase_hz;
    uint32_t window_count;
    struct fdt_region windows[FDT_WINDOWS_MAX]; /* by descending base */
    uint32_t window_irqs[FDT_WINDOWS_MAX];      /* in the order of the tree, 0 for none */
    const char *boot_args;                      /* inside the tree, not terminated; may be NULL */
    uint32_t boot_args_bytes;
};

/*
 * Reads the tree at `blob`, of which no byte at or past `limit_bytes` is touched, into `machine`.
 * `kernel_base` tells which of several memory regions counts. Returns NULL, or what is wrong with
 * the tree; `machine` is then worthless.
 */
const char *fdt_read(const void *blob, uint64_t limit_bytes, uint64_t kernel_base,
                     struct fdt_machine *machine);

#endif
