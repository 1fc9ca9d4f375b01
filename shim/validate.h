/* The check that a module gets before wasm3 sees it. See validate.c. */
#ifndef TSBLK_VALIDATE_H
#define TSBLK_VALIDATE_H

#include <stdint.h>

/* What is wrong with a module and at which byte of it; `what` is NULL when nothing is. */
struct validate_fault {
    const char *what;
    uint32_t offset;
};

/*
 * What wasm3 will take to load a module that passed: an upper bound of the heap, in bytes, and a
 * measure of its time, in steps of the loops inside wasm3's compiler that are not linear.
 */
struct validate_cost {
    uint64_t heap_bytes;
    uint64_t steps;
};

/*
 * Judges the module in `bytes`, which nothing here changes and nothing is read past. A module that
 * passes is valid WebAssembly within the limits and the features that validate.c lists, and fits
 * the heap. `cost` may be NULL. Not reentrant.
 */
struct validate_fault validate_module(const uint8_t *bytes, uint32_t length_bytes,
                                      struct validate_cost *cost);

#endif
