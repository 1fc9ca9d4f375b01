/* The heap of wasm3. See memory.c. */
#ifndef TSBLK_MEMORY_H
#define TSBLK_MEMORY_H

#include <stddef.h>

/*
 * The heap is the `length_bytes` bytes at `base`, aligned to 16. Once, before any other call.
 * Nothing in there needs to be zero.
 */
void memory_init(void *base, size_t length_bytes);

/* The heap as it was at some time. */
struct memory_image {
    const void *bytes;
    size_t length_bytes;
    void *free;
    size_t used_bytes;
};

/* Bytes of the heap up to the end of the last block; what memory_save needs room for. */
size_t memory_extent_bytes(void);

/* Takes an image of the heap, with its contents at `bytes`; they must stay as they are. */
void memory_save(struct memory_image *image, void *bytes);

/* The heap is what it was, all blocks at their place; what has been allocated since is gone. */
void memory_restore(const struct memory_image *image);

/* The most bytes that were in use at a time since memory_init or memory_restore. */
size_t memory_peak_bytes(void);

/* The block at `pinned`, outside the heap, never moves: memory_realloc refuses it and memory_free
 * ignores it. */
void memory_pin(const void *pinned);

/* Each as the C function of that name: NULL when there is no room, memory aligned to 16. */
void *memory_malloc(size_t length_bytes);
void *memory_calloc(size_t count, size_t element_bytes);
void *memory_realloc(void *block, size_t length_bytes);
void memory_free(void *block);

#endif
