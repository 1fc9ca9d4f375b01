/* What stands between the module and the devices. See guard.c. */
#ifndef TSBLK_GUARD_H
#define TSBLK_GUARD_H

#include "fdt.h"

#include <stdbool.h>
#include <stdint.h>

struct guard_grant {
    const struct fdt_region *windows;
    uint32_t window_count; /* at most FDT_WINDOWS_MAX */
    uint8_t *memory;       /* linear memory, where the device sees it too */
    uint64_t memory_bytes;
    bool is_off; /* a kernel for measuring: queues are the module's own */
};

/*
 * Looks which windows are disks, and forgets all queues. Before any access of the module, and again
 * for a new instance after guard_reset_all.
 */
void guard_init(const struct guard_grant *grant);

/*
 * Resets every disk, and waits up to a second until all of them are. Returns 0 when they are: none
 * of them reads or writes memory then until a queue is set up again. Otherwise the address of one
 * that is not; it will get no queue before it is.
 */
uint64_t guard_reset_all(void);

/*
 * Accesses of the module, inside the window and aligned. NULL, or the rule that it has broken;
 * nothing has been done then, and the text is there until the next call.
 */
const char *guard_read32(uint32_t window, uint32_t offset, uint32_t *value);
const char *guard_write32(uint32_t window, uint32_t offset, uint32_t value);

/* As those, for an access of fewer bits, which `import` then makes itself. */
const char *guard_check_narrow(const char *import, uint32_t window, uint32_t offset);

/* A full barrier, and what both sides have published by then crosses over. */
const char *guard_fence(void);

/* Device address of offset 0 of linear memory, as far as the module is to know. */
uint64_t guard_dma_base(void);

#endif
