/* The heap of wasm3. See memory.c. */
#ifndef TSBLK_MEMORY_H
#define TSBLK_MEMORY_H

#include <stddef.h>

/*
 * The heap is the `length_bytes` bytes at `base`, aligned to 16. Once, before any other call.
 * Nothing in there needs to be zero.
 */
void memory_init(void *base, size_t length_bytes);

/* The block at `pinned`, outside the heap, never moves: memory_realloc refuses it and memory_free
 * ignores it. */
void memory_pin(const void *pinned);

/* Each as the C function of that name: NULL when there is no room, memory aligned to 16. */
void *memory_malloc(size_t length_bytes);
void *memory_calloc(size_t count, size_t element_bytes);
void *memory_realloc(void *block, size_t length_bytes);
void memory_free(void *block);

#endif
