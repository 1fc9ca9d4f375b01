/* The one module and the interpreter it runs in. See wasm_host.c. */
#ifndef TSBLK_WASM_HOST_H
#define TSBLK_WASM_HOST_H

#include "host_imports.h"
#include "print.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Makes the first instance of the embedded module, in an empty heap, and gives it what `grant`
 * says; linear memory is filled in here. Linear memory begins at memory_start; behind it, up to
 * memory_end, which is identity mapped too, is the room for what wasm_host_renew needs. Anything
 * wrong with the module is a panic.
 */
void wasm_host_load(uint64_t memory_start, uint64_t memory_end, struct host_grant *grant);

/* Makes another instance in the place of the one before: heap and linear memory are what they were
 * when the first one had been loaded and nothing of it had run. */
void wasm_host_renew(void);

/* The module's exports. False when the call did not return, or returned an error: `cause`, which
 * was empty, says why, and the instance must not be called again. */
bool wasm_host_start(struct text *cause);
bool wasm_host_step(int32_t *result, struct text *cause);
bool wasm_host_receive(uint8_t byte, struct text *cause);

/* After a call that ended in a trap: where it happened, a line for each WASM function, each behind
 * a line end. */
void wasm_host_print_backtrace(void);

#endif
