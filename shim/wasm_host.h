/* The one module and the interpreter it runs in. See wasm_host.c. */
#ifndef TSBLK_WASM_HOST_H
#define TSBLK_WASM_HOST_H

#include "host_imports.h"

#include <stdint.h>

/*
 * Loads the embedded module with its linear memory in [memory_start, memory_end), identity mapped
 * and zeroed here, and gives it what `grant` says; dma_base is filled in here. Anything wrong with
 * the module is a panic.
 */
void wasm_host_load(uint64_t memory_start, uint64_t memory_end, struct host_grant *grant);

/* The module's exports. A trap inside is a panic that names the WASM function. */
int32_t wasm_host_start(void);
int32_t wasm_host_step(void);
void wasm_host_receive(uint8_t byte);

#endif
