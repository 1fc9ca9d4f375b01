/*
 * The rings that a device really sees.
 *
 * A module lays out a virtqueue in its linear memory and believes that the device reads it there.
 * The device has another one, in memory that the module cannot reach, and this file carries what
 * is new from one to the other:
 *
 *        linear memory                      shadow memory                     device
 *   +----------------------+  publish  +----------------------+
 *   | descriptors, avail   | --------> | descriptors, avail   |  ------->  reads
 *   |                      |  checked  |                      |
 *   | used, events         | <-------- | used, events         |  <-------  writes
 *   +----------------------+  collect  +----------------------+
 *
 * What is in linear memory may change between any two looks at it, by the module or by a device
 * that writes into it. So each word is loaded once; that value is checked, and that value is
 * written to the other side. What has been checked cannot be changed afterwards, and a descriptor
 * that the device has is not written again before it has come back.
 *
 * Passed on is a chain of buffers that all lie in linear memory, as long as the queue at most, with
 * flags that the specification has (§2.7.5), each descriptor in one chain at a time. Addresses
 * become physical. A chain in an indirect table is copied in its order, without what lies between,
 * to a table of our own that belongs to the descriptor that names it. Anything else is a fault, and
 * nothing is passed on from then on.
 *
 * Not judged is what harms nobody but the module: buffers that overlap, that are empty, or that are
 * in the wrong order for the device. Neither are the entries of the used ring: they are copied as
 * they are, however many, and the module has to doubt them as it does without us. Only an entry
 * that names a chain which the device has gives its descriptors back.
 *
 * Knows no registers, so it runs on the host as well: tests/shim/shadow_ring_test.c.
 */
#include "shadow_ring.h"

#include <stddef.h>
#include <string.h>

#define LENGTH_FLAGS_MASK 0xffffffffffffu
#define CHAIN_END         0xffffu
#define HOLDER_MASK       0xffffu
#define NEXT_HOLDER_SHIFT 16

/* The only flag of an available ring that there is (§2.7.6); the index stays. */
#define AVAIL_FLAGS_MASK 0xffff0001u

static uint64_t ring_align(uint64_t value, uint64_t align_bytes) {
    return (value + align_bytes - 1) & ~(align_bytes - 1);
}

static uint64_t avail_bytes(uint32_t size) {
    return VIRTQ_RING_EXTRA_BYTES + VIRTQ_AVAIL_SLOT_BYTES * (uint64_t)size;
}

static uint64_t used_bytes(uint32_t size) {
    return VIRTQ_RING_EXTRA_BYTES + VIRTQ_USED_SLOT_BYTES * (uint64_t)size;
}

struct shadow_place shadow_ring_place(uint64_t start, uint32_t size, uint64_t align_bytes) {
    uint64_t avail = start + VIRTQ_DESC_BYTES * (uint64_t)size;
    return (struct shadow_place){
        .table = start, .avail = avail, .used = ring_align(avail + avail_bytes(size), align_bytes)};
}

static inline bool is_inside(uint64_t memory_bytes, uint64_t address, uint64_t length_bytes) {
    return address < memory_bytes && length_bytes <= memory_bytes - address;
}

static const char *place_check(uint64_t memory_bytes, const struct shadow_place *place,
                               uint32_t size) {
    if (size == 0 || size > SHADOW_SIZE_MAX || (size & (size - 1)) != 0) {
        return "queue size is not a power of two up to 256";
    }
    if (place->table % 16 != 0 || place->avail % 2 != 0 || place->used % 4 != 0) {
        return "queue is not aligned";
    }
    if (!is_inside(memory_bytes, place->table, VIRTQ_DESC_BYTES * (uint64_t)size) ||
        !is_inside(memory_bytes, place->avail, avail_bytes(size)) ||
        !is_inside(memory_bytes, place->used, used_bytes(size))) {
        return "queue outside linear memory";
    }
    return NULL;
}

const char *shadow_ring_open(struct shadow_ring *ring, const struct shadow_place *place,
                             uint32_t size) {
    const char *fault = place_check(ring->memory_bytes, place, size);
    if (fault != NULL) {
        return fault;
    }
    struct shadow_place own = shadow_ring_place(0, size, SHADOW_PAGE_BYTES);
    uint32_t used_event = VIRTQ_SLOTS + VIRTQ_AVAIL_SLOT_BYTES * size;
    uint32_t avail_event = VIRTQ_SLOTS + VIRTQ_USED_SLOT_BYTES * size;
    ring->size = size;
    ring->table = ring->memory + place->table;
    ring->avail = ring->memory + place->avail;
    ring->used = ring->memory + place->used;
    ring->used_event = ring->avail + used_event;
    ring->avail_event = ring->used + avail_event;
    ring->own_avail = ring->own->rings + own.avail;
    ring->own_used = ring->own->rings + own.used;
    ring->own_used_event = ring->own_avail + used_event;
    ring->own_avail_event = ring->own_used + avail_event;
    ring->avail_seen = 0;
    ring->used_seen = 0;
    memset(ring->own->rings, 0, sizeof ring->own->rings);
    memset(ring->holders, 0, sizeof ring->holders);
    return NULL;
}

/* The address of a place in linear memory, or in our own, as the device sees it: memory is mapped
 * to itself. */
static inline uint64_t device_address(const void *place) {
    return (uint64_t)(uintptr_t)place;
}

static inline uint32_t flags_of(uint64_t rest) {
    return (uint32_t)(rest >> VIRTQ_FLAGS_SHIFT) & 0xffff;
}

/* A fault of the available ring. */
static __attribute__((noinline, cold)) bool ring_fail(struct shadow_ring *ring, const char *rule,
                                                      uint32_t index) {
    ring->fault = (struct shadow_fault){.rule = rule, .index = index, .entry = -1};
    return false;
}

/* A fault of a descriptor. `entry` is -1 outside an indirect table. */
static __attribute__((noinline, cold)) bool ring_fail_at(struct shadow_ring *ring, const char *rule,
                                                         struct shadow_desc desc,
                                                         uint32_t descriptor, int32_t entry) {
    ring->fault = (struct shadow_fault){.rule = rule,
                                        .index = descriptor,
                                        .has_descriptor = true,
                                        .entry = entry,
                                        .address = desc.address,
                                        .length_bytes = (uint32_t)desc.rest};
    return false;
}

/* What is wrong with a descriptor that should be a buffer. */
static __attribute__((noinline, cold)) const char *
buffer_rule(const struct shadow_ring *ring, struct shadow_desc desc, bool is_in_table) {
    if (!is_inside(ring->memory_bytes, desc.address, (uint32_t)desc.rest)) {
        return "buffer outside linear memory";
    }
    bool is_table = (flags_of(desc.rest) & VIRTQ_DESC_F_INDIRECT) != 0;
    return is_in_table && is_table ? "indirect table inside an indirect table"
                                   : "unknown descriptor flag";
}

static inline bool is_buffer(uint64_t memory_bytes, struct shadow_desc desc) {
    return is_inside(memory_bytes, desc.address, (uint32_t)desc.rest) &&
           (flags_of(desc.rest) & ~(VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE)) == 0;
}

static inline struct shadow_desc desc_load(const uint8_t *from) {
    struct shadow_desc desc;
    desc.address = shadow_load64(from);
    desc.rest = shadow_load64(from + 8);
    return desc;
}

/*
 * Copies the chain in the table of `entry_count` entries at `table` to the table of `descriptor`.
 * Returns its length, at most `length_max`, or 0 with a fault.
 */
static inline uint32_t table_copy(struct shadow_ring *ring, const uint8_t *table,
                                  uint32_t entry_count, uint32_t descriptor, uint32_t length_max) {
    struct shadow_desc *copy = ring->own->tables[descriptor];
    const uint64_t base = device_address(ring->memory);
    const uint64_t memory_bytes = ring->memory_bytes;
    uint32_t entry = 0;
    for (uint32_t length = 1;; length++) {
        struct shadow_desc desc = desc_load(table + (uint64_t)entry * VIRTQ_DESC_BYTES);
        if (__builtin_expect(!is_buffer(memory_bytes, desc), 0)) {
            ring_fail_at(ring, buffer_rule(ring, desc, true), desc, descriptor, (int32_t)entry);
            return 0;
        }
        copy[length - 1].address = base + desc.address;
        if ((flags_of(desc.rest) & VIRTQ_DESC_F_NEXT) == 0) {
            copy[length - 1].rest = desc.rest & LENGTH_FLAGS_MASK;
            return length;
        }
        copy[length - 1].rest = (desc.rest & LENGTH_FLAGS_MASK) | (uint64_t)length
                                                                      << VIRTQ_NEXT_SHIFT;
        uint32_t next = (uint32_t)(desc.rest >> VIRTQ_NEXT_SHIFT);
        if (__builtin_expect(next >= entry_count || length >= length_max, 0)) {
            const char *rule = next >= entry_count     ? "next outside the indirect table"
                               : length >= entry_count ? "chain runs in a circle"
                                                       : "chain is too long";
            ring_fail_at(ring, rule, desc, descriptor, (int32_t)entry);
            return 0;
        }
        entry = next;
    }
}

static __attribute__((noinline, cold)) const char *table_rule(const struct shadow_ring *ring,
                                                              struct shadow_desc desc) {
    uint32_t flags = flags_of(desc.rest);
    uint32_t length_bytes = (uint32_t)desc.rest;
    if (!ring->has_indirect) {
        return "indirect table without the feature";
    }
    if ((flags & VIRTQ_DESC_F_NEXT) != 0) {
        return "indirect table with a next descriptor";
    }
    if ((flags & ~(VIRTQ_DESC_F_INDIRECT | VIRTQ_DESC_F_WRITE)) != 0) {
        return "unknown descriptor flag";
    }
    if (length_bytes == 0 || length_bytes % VIRTQ_DESC_BYTES != 0) {
        return "indirect table is not a number of descriptors";
    }
    return "indirect table outside linear memory";
}

/* Takes over the table that `desc` names. WRITE means nothing there (§2.7.5.3.2). */
static inline bool table_take(struct shadow_ring *ring, struct shadow_desc desc,
                              uint32_t descriptor, uint32_t length_max) {
    uint32_t length_bytes = (uint32_t)desc.rest;
    uint32_t flags = flags_of(desc.rest) & ~VIRTQ_DESC_F_WRITE;
    if (__builtin_expect(!ring->has_indirect || flags != VIRTQ_DESC_F_INDIRECT ||
                             length_bytes == 0 || length_bytes % VIRTQ_DESC_BYTES != 0 ||
                             !is_inside(ring->memory_bytes, desc.address, length_bytes),
                         0)) {
        return ring_fail_at(ring, table_rule(ring, desc), desc, descriptor, -1);
    }
    uint32_t entry_count = length_bytes / VIRTQ_DESC_BYTES;
    length_max = length_max < SHADOW_CHAIN_MAX ? length_max : SHADOW_CHAIN_MAX;
    uint32_t length =
        table_copy(ring, ring->memory + desc.address, entry_count, descriptor, length_max);
    struct shadow_desc *own = (struct shadow_desc *)(void *)ring->own->rings + descriptor;
    own->address = device_address(ring->own->tables[descriptor]);
    own->rest = (uint64_t)(length * VIRTQ_DESC_BYTES) | (uint64_t)VIRTQ_DESC_F_INDIRECT
                                                            << VIRTQ_FLAGS_SHIFT;
    return length != 0;
}

/* Takes over the chain that begins at `head`, unseen by the device until the index moves. */
static inline bool chain_take(struct shadow_ring *ring, uint32_t head) {
    struct shadow_desc *own = (struct shadow_desc *)(void *)ring->own->rings;
    uint32_t descriptor = head;
    for (uint32_t left = ring->size;; left--) {
        uint32_t *holder = &ring->holders[descriptor];
        struct shadow_desc desc = desc_load(ring->table + (uint64_t)descriptor * VIRTQ_DESC_BYTES);
        if (__builtin_expect(*holder != 0, 0)) {
            bool is_circle = left != ring->size && (*holder & HOLDER_MASK) == head + 1;
            const char *rule =
                is_circle ? "chain runs in a circle" : "descriptor is still with the device";
            return ring_fail_at(ring, rule, desc, descriptor, -1);
        }
        *holder = (head + 1) | CHAIN_END << NEXT_HOLDER_SHIFT;
        if ((flags_of(desc.rest) & VIRTQ_DESC_F_INDIRECT) != 0) {
            return table_take(ring, desc, descriptor, left);
        }
        if (!is_buffer(ring->memory_bytes, desc)) {
            return ring_fail_at(ring, buffer_rule(ring, desc, false), desc, descriptor, -1);
        }
        own[descriptor].address = device_address(ring->memory) + desc.address;
        if ((flags_of(desc.rest) & VIRTQ_DESC_F_NEXT) == 0) {
            own[descriptor].rest = desc.rest & LENGTH_FLAGS_MASK;
            return true;
        }
        own[descriptor].rest = desc.rest;
        uint32_t next = (uint32_t)(desc.rest >> VIRTQ_NEXT_SHIFT);
        if (next >= ring->size) {
            return ring_fail_at(ring, "next outside the queue", desc, descriptor, -1);
        }
        *holder = (head + 1) | next << NEXT_HOLDER_SHIFT;
        descriptor = next;
    }
}

bool shadow_ring_publish_new(struct shadow_ring *ring, uint32_t avail_seen) {
    uint16_t idx = (uint16_t)(ring->avail_seen >> 16);
    uint16_t end_idx = (uint16_t)(avail_seen >> 16);
    uint32_t mask = ring->size - 1;
    if ((uint16_t)(end_idx - idx) > ring->size) {
        return ring_fail(ring, "available index jumps over more than the queue", end_idx);
    }
    for (; idx != end_idx; idx++) {
        uint32_t slot = VIRTQ_SLOTS + VIRTQ_AVAIL_SLOT_BYTES * (idx & mask);
        uint32_t head = shadow_load16(ring->avail + slot);
        if (head > mask) {
            return ring_fail(ring, "head outside the queue", head);
        }
        if (!chain_take(ring, head)) {
            return false;
        }
        shadow_store16(ring->own_avail + slot, (uint16_t)head);
    }
    __atomic_thread_fence(__ATOMIC_RELEASE); /* descriptors and slots before idx (§2.7.13.3.1) */
    uint32_t flags_idx = avail_seen & AVAIL_FLAGS_MASK;
    __builtin_memcpy(ring->own_avail, &flags_idx, sizeof flags_idx);
    ring->avail_seen = avail_seen;
    return true;
}

/* The device has given a chain back: its descriptors may be used again. */
static inline void chain_release(struct shadow_ring *ring, uint32_t head) {
    uint32_t descriptor = head;
    while (descriptor < ring->size && (ring->holders[descriptor] & HOLDER_MASK) == head + 1) {
        uint32_t next = ring->holders[descriptor] >> NEXT_HOLDER_SHIFT;
        ring->holders[descriptor] = 0;
        descriptor = next; /* CHAIN_END is above every size */
    }
}

void shadow_ring_collect_new(struct shadow_ring *ring, uint32_t used_seen) {
    uint16_t idx = (uint16_t)(ring->used_seen >> 16);
    uint16_t end_idx = (uint16_t)(used_seen >> 16);
    const uint32_t mask = ring->size - 1;
    const uint8_t *own_used = ring->own_used;
    uint8_t *used = ring->used;
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* idx before the entries (§2.7.14) */
    for (; idx != end_idx; idx++) {
        uint32_t slot = VIRTQ_SLOTS + VIRTQ_USED_SLOT_BYTES * (idx & mask);
        uint32_t id = shadow_load32(own_used + slot);
        uint32_t length_bytes = shadow_load32(own_used + slot + sizeof id);
        __builtin_memcpy(used + slot, &id, sizeof id);
        __builtin_memcpy(used + slot + sizeof id, &length_bytes, sizeof length_bytes);
        chain_release(ring, id);
    }
    __builtin_memcpy(used, &used_seen, sizeof used_seen);
    ring->used_seen = used_seen;
}
