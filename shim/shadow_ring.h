/* A virtqueue between a module and a device, neither of which is trusted. See shadow_ring.c. */
#ifndef TSBLK_SHADOW_RING_H
#define TSBLK_SHADOW_RING_H

#include "virtio.h"

#include <stdbool.h>
#include <stdint.h>

/* Largest queue, and longest chain in an indirect table. */
#define SHADOW_SIZE_MAX  256u
#define SHADOW_CHAIN_MAX 16u

#define SHADOW_PAGE_BYTES 4096u
/* Table and available ring, then the used ring on the next page. */
#define SHADOW_RING_PAGES 3u

struct shadow_desc {
    uint64_t address;
    uint64_t rest; /* length, flags, next */
};

/* All that the device is told of, besides the buffers. The device writes the used ring in here. */
struct shadow_memory {
    _Alignas(SHADOW_PAGE_BYTES) uint8_t rings[SHADOW_RING_PAGES * SHADOW_PAGE_BYTES];
    struct shadow_desc tables[SHADOW_SIZE_MAX][SHADOW_CHAIN_MAX]; /* by descriptor of the ring */
};

/* The three parts of a queue: offsets in linear memory, or addresses. */
struct shadow_place {
    uint64_t table;
    uint64_t avail;
    uint64_t used;
};

/* What the module did wrong. `length_bytes` and `address` are what the descriptor says. */
struct shadow_fault {
    const char *rule;
    uint32_t index; /* of the descriptor in the ring, or what is in the available ring instead */
    bool has_descriptor;
    int32_t entry; /* of its indirect table, or -1 */
    uint64_t address;
    uint32_t length_bytes;
};

struct shadow_ring {
    /* The module's side */
    uint8_t *avail;
    uint8_t *used;
    uint8_t *used_event;
    uint8_t *avail_event;
    const uint8_t *table;
    uint8_t *memory;
    uint64_t memory_bytes;
    /* The device's side */
    uint8_t *own_avail;
    uint8_t *own_used;
    uint8_t *own_used_event;
    uint8_t *own_avail_event;
    struct shadow_memory *own;

    uint32_t size;
    bool has_indirect;
    /* Flags and index of the module's available ring, and of the device's used ring, as they were
     * when they were copied last. */
    uint32_t avail_seen;
    uint32_t used_seen;
    /* For each descriptor of the ring: 0, or 1 + the head of the chain that the device has it in,
     * and the next one of that chain in the upper half. */
    uint32_t holders[SHADOW_SIZE_MAX];
    struct shadow_fault fault;
};

/* What a test does to memory that has just been loaded. */
#ifndef SHADOW_LOADED
#define SHADOW_LOADED(FROM, LENGTH_BYTES)
#endif

/* A load of what somebody else may write at any time: this value is the one that counts, and the
 * compiler cannot load it again. */
static inline uint16_t shadow_load16(const uint8_t *from) {
    uint16_t value;
    __builtin_memcpy(&value, from, sizeof value);
    __asm__("" : "+r"(value));
    SHADOW_LOADED(from, sizeof value);
    return value;
}

static inline uint32_t shadow_load32(const uint8_t *from) {
    uint32_t value;
    __builtin_memcpy(&value, from, sizeof value);
    __asm__("" : "+r"(value));
    SHADOW_LOADED(from, sizeof value);
    return value;
}

static inline uint64_t shadow_load64(const uint8_t *from) {
    uint64_t value;
    __builtin_memcpy(&value, from, sizeof value);
    __asm__("" : "+r"(value));
    SHADOW_LOADED(from, sizeof value);
    return value;
}

static inline void shadow_store16(uint8_t *to, uint16_t value) {
    __builtin_memcpy(to, &value, sizeof value);
}

/* Where the parts of a queue of `size` entries are that begins at `start` and whose used ring is
 * aligned to `align_bytes`, a power of two (§2.7.2). */
struct shadow_place shadow_ring_place(uint64_t start, uint32_t size, uint64_t align_bytes);

/*
 * Begins with an empty queue of `size` entries between `place` in the linear memory that `ring`
 * has been given (memory, memory_bytes) and `own`, which no device may have. Returns NULL, or the
 * rule that the module has broken.
 */
const char *shadow_ring_open(struct shadow_ring *ring, const struct shadow_place *place,
                             uint32_t size);

/* The parts of shadow_ring_publish and shadow_ring_collect that have something to do. */
bool shadow_ring_publish_new(struct shadow_ring *ring, uint32_t avail_seen);
void shadow_ring_collect_new(struct shadow_ring *ring, uint32_t used_seen);

/*
 * Gives the device what the module has published since, after checking all of it. False when a
 * rule is broken: `ring->fault` says which, and the device gets nothing of it.
 */
static inline bool shadow_ring_publish(struct shadow_ring *ring) {
    shadow_store16(ring->own_used_event, shadow_load16(ring->used_event));
    uint32_t avail_seen = shadow_load32(ring->avail);
    return __builtin_expect(avail_seen == ring->avail_seen, 1) ||
           shadow_ring_publish_new(ring, avail_seen);
}

/*
 * Shows the module what the device has used since. After shadow_ring_publish there has to be a full
 * barrier before this: the device's wish to be notified is read here (§2.7.13.4.1).
 */
static inline void shadow_ring_collect(struct shadow_ring *ring) {
    shadow_store16(ring->avail_event, shadow_load16(ring->own_avail_event));
    uint32_t used_seen = shadow_load32(ring->own_used);
    if (__builtin_expect(used_seen != ring->used_seen, 0)) {
        shadow_ring_collect_new(ring, used_seen);
    }
}

#endif
