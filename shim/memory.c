/*
 * The heap of wasm3: first fit over a list of free blocks in the order of their addresses,
 * neighbours joined when a block is freed. Nothing else allocates, and wasm3 only does so while it
 * loads the module and when it traps.
 *
 *     +--------------+--------------------+------------------------------
 *     | length_bytes | next, or USED_MARK | length_bytes - 16 bytes of use
 *     +--------------+--------------------+------------------------------
 *     block            16 bytes            what the caller has
 *
 * A pointer that did not come from here, or was freed before, is a panic.
 */
#include "memory.h"
#include "panic.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define GRAIN_BYTES 16
#define USED_MARK   ((struct block *)(uintptr_t)0x75736564)

struct block {
    size_t length_bytes; /* with this header, a multiple of GRAIN_BYTES */
    struct block *next;  /* USED_MARK in a block that is in use */
};

_Static_assert(sizeof(struct block) == GRAIN_BYTES, "what follows a header is aligned to 16");

static struct block *heap_free;
static uintptr_t heap_start;
static uintptr_t heap_end;
static const void *heap_pinned;
static size_t heap_used_bytes;
static size_t heap_peak_bytes;

void memory_init(void *base, size_t length_bytes) {
    heap_start = (uintptr_t)base;
    heap_end = heap_start + length_bytes / GRAIN_BYTES * GRAIN_BYTES;
    heap_free = base;
    heap_free->length_bytes = heap_end - heap_start;
    heap_free->next = NULL;
    heap_used_bytes = 0;
    heap_peak_bytes = 0;
}

size_t memory_extent_bytes(void) {
    const struct block *last = heap_free;
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    if (last == NULL || (uintptr_t)last + last->length_bytes != heap_end) {
        return heap_end - heap_start;
    }
    return (uintptr_t)(last + 1) - heap_start;
}

void memory_save(struct memory_image *image, void *bytes) {
    image->length_bytes = memory_extent_bytes();
    image->bytes = bytes;
    image->free = heap_free;
    image->used_bytes = heap_used_bytes;
    memcpy(bytes, (const void *)heap_start, image->length_bytes);
}

void memory_restore(const struct memory_image *image) {
    heap_free = image->free;
    heap_used_bytes = image->used_bytes;
    heap_peak_bytes = image->used_bytes;
    memcpy((void *)heap_start, image->bytes, image->length_bytes);
}

size_t memory_peak_bytes(void) {
    return heap_peak_bytes;
}

void memory_pin(const void *pinned) {
    heap_pinned = pinned;
}

/* Cuts `block` down to `length_bytes`; what is left over becomes a free block after it and is
 * returned, or NULL. */
static struct block *block_split(struct block *block, size_t length_bytes) {
    if (block->length_bytes - length_bytes < 2 * GRAIN_BYTES) {
        return NULL;
    }
    struct block *rest = (struct block *)((uintptr_t)block + length_bytes);
    rest->length_bytes = block->length_bytes - length_bytes;
    rest->next = block->next;
    block->length_bytes = length_bytes;
    return rest;
}

/* The length of a block that has room for `length_bytes`, or 0 when no block can. */
static size_t block_length(size_t length_bytes) {
    if (length_bytes > heap_end - heap_start) {
        return 0;
    }
    size_t rounded = (length_bytes + GRAIN_BYTES - 1) / GRAIN_BYTES * GRAIN_BYTES;
    return sizeof(struct block) + (rounded == 0 ? GRAIN_BYTES : rounded);
}

void *memory_malloc(size_t length_bytes) {
    size_t needed = block_length(length_bytes);
    for (struct block **link = &heap_free; needed != 0 && *link != NULL; link = &(*link)->next) {
        struct block *block = *link;
        if (block->length_bytes >= needed) {
            struct block *rest = block_split(block, needed);
            *link = rest != NULL ? rest : block->next;
            block->next = USED_MARK;
            heap_used_bytes += block->length_bytes;
            heap_peak_bytes = heap_used_bytes > heap_peak_bytes ? heap_used_bytes : heap_peak_bytes;
            return block + 1;
        }
    }
    return NULL;
}

void *memory_calloc(size_t count, size_t element_bytes) {
    if (element_bytes != 0 && count > SIZE_MAX / element_bytes) {
        return NULL;
    }
    void *block = memory_malloc(count * element_bytes);
    if (block != NULL) {
        memset(block, 0, count * element_bytes);
    }
    return block;
}

static struct block *block_of(void *pointer) {
    uintptr_t address = (uintptr_t)pointer;
    bool is_ours = address % GRAIN_BYTES == 0 && address > heap_start && address < heap_end;
    struct block *block = (struct block *)pointer - 1;
    if (!is_ours || block->next != USED_MARK) {
        panic("memory: not a block in use");
    }
    return block;
}

static bool block_touches(const struct block *block, const struct block *next) {
    return (uintptr_t)block + block->length_bytes == (uintptr_t)next;
}

static void block_join_next(struct block *block) {
    if (block->next != NULL && block_touches(block, block->next)) {
        block->length_bytes += block->next->length_bytes;
        block->next = block->next->next;
    }
}

void memory_free(void *pointer) {
    if (pointer == NULL || pointer == heap_pinned) {
        return;
    }
    struct block *block = block_of(pointer);
    heap_used_bytes -= block->length_bytes;
    struct block *previous = NULL;
    struct block *next = heap_free;
    while (next != NULL && next < block) {
        previous = next;
        next = next->next;
    }
    block->next = next;
    block_join_next(block);
    if (previous == NULL) {
        heap_free = block;
        return;
    }
    previous->next = block;
    block_join_next(previous);
}

void *memory_realloc(void *pointer, size_t length_bytes) {
    if (pointer == NULL) {
        return memory_malloc(length_bytes);
    }
    if (pointer == heap_pinned) {
        return NULL;
    }
    struct block *block = block_of(pointer);
    size_t kept_bytes = block->length_bytes - sizeof(struct block);
    if (length_bytes <= kept_bytes) {
        return pointer;
    }
    void *moved = memory_malloc(length_bytes);
    if (moved != NULL) {
        memcpy(moved, pointer, kept_bytes);
        memory_free(pointer);
    }
    return moved;
}
