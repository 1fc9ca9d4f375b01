/* The functions that the module imports. See host_imports.c. */
#ifndef TSBLK_HOST_IMPORTS_H
#define TSBLK_HOST_IMPORTS_H

#include "fdt.h"
#include "print.h"

#include <stdbool.h>
#include <stdint.h>
#include <wasm3.h>

/* What the module is granted. It all stays as it is while the module lives. */
struct host_grant {
    const struct fdt_region *windows;
    uint32_t window_count;
    const char *boot_args;
    uint32_t boot_args_bytes;
    uint8_t *memory; /* linear memory, identity mapped */
    uint64_t memory_bytes;
    bool is_guard_off;
};

/* The trap of a module that called `panic`, and what it said. */
extern const char *const host_trap_panicked;
const struct text *host_imports_panic_message(void);

/* Supplies the imports of `module`, which has been loaded. Returns NULL or what does not fit. */
M3Result host_imports_link(IM3Module module, const struct host_grant *grant);

#endif
