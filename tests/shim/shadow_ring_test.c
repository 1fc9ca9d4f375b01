/*
 * shim/shadow_ring.c under the sanitizers, between a module and a device that are both made here:
 * each rule X *
 * The model shares no code with what it judges. It looks at a copy of linear memory, collects the
 * buffers of a chain as (offset, length, writable), or finds that there must be a fault. The device
 * here walks the rings that it was given and collects the same, by address.
 */
#include "check.h"

#include <stddef.h>

static void spoil(const void *from, size_t length_bytes);
#define SHADOW_LOADED(FROM, LENGTH_BYTES) spoil(FROM, LENGTH_BYTES)

#include "../../shim/shadow_ring.c"

#define MEMORY_BYTES 0x10000u
#define ROUNDS       10000
#define STEPS        40

#define NEXT     1u
#define WRITE    2u
#define INDIRECT 4u

struct buffer {
    uint64_t offset;
    uint32_t length;
    bool is_writable;
};

struct chain {
    uint32_t count;
    struct buffer buffers[SHADOW_SIZE_MAX];
};

/* A descriptor as the specification draws it. */
struct entry {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

static uint8_t *memory;
static struct shadow_memory *own;
static struct shadow_ring ring;
static struct shadow_place place;
static uint32_t size;

/* Indices of the two free running ends that are played here. */
static uint16_t avail_idx;
static uint16_t used_idx;

/* By head: whether the device has it, and what it was given; by descriptor: head + 1 or 0. */
static bool has_head[SHADOW_SIZE_MAX];
static struct chain given[SHADOW_SIZE_MAX];
static uint32_t held_by[SHADOW_SIZE_MAX];

/* Whether what has been loaded from linear memory is overwritten at once. */
static bool is_spoiling;

static void spoil(const void *from, size_t length_bytes) {
    uint64_t offset = (uint64_t)(uintptr_t)from - (uint64_t)(uintptr_t)memory;
    if (is_spoiling && offset < MEMORY_BYTES) {
        memset(memory + offset, (int)random_below(256), length_bytes);
    }
}

static void put16(uint64_t offset, uint16_t value) {
    memcpy(memory + offset, &value, sizeof value);
}

static uint16_t get16(const void *from) {
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static struct entry entry_at(const uint8_t *from) {
    struct entry entry;
    memcpy(&entry, from, sizeof entry);
    return entry;
}

static void put_entry(uint64_t offset, uint64_t addr, uint32_t len, uint32_t flags, uint32_t next) {
    struct entry entry = {addr, len, (uint16_t)flags, (uint16_t)next};
    memcpy(memory + offset, &entry, sizeof entry);
}

static void put_desc(uint32_t index, uint64_t addr, uint32_t len, uint32_t flags, uint32_t next) {
    put_entry(place.table + 16 * (uint64_t)index, addr, len, flags, next);
}

static void put_avail(uint32_t head) {
    put16(place.avail + 4 + 2 * (avail_idx % size), (uint16_t)head);
    avail_idx++;
    put16(place.avail + 2, avail_idx);
}

static void open_at(struct shadow_place where, uint32_t entries, bool has_indirect) {
    memset(memory, 0, MEMORY_BYTES);
    memset(has_head, 0, sizeof has_head);
    memset(held_by, 0, sizeof held_by);
    place = where;
    size = entries;
    avail_idx = 0;
    used_idx = 0;
    ring.memory = memory;
    ring.memory_bytes = MEMORY_BYTES;
    ring.own = own;
    ring.has_indirect = has_indirect;
    CHECK(shadow_ring_open(&ring, &place, size) == NULL);
}

/* A queue of eight, and what lies behind it is free for tables and data. */
static void open_small(bool has_indirect) {
    open_at((struct shadow_place){0x1000, 0x1080, 0x1100}, 8, has_indirect);
}

/* The device follows the chain at `head` through its own memory and nowhere else. */
static const struct chain *device_walk(uint32_t head) {
    static struct chain chain;
    const uint8_t *table = own->rings;
    uint32_t entries = size;
    uint32_t index = head;
    chain.count = 0;
    for (;;) {
        CHECK(index < entries);
        struct entry entry = entry_at(table + 16 * (size_t)index);
        if ((entry.flags & INDIRECT) != 0) {
            CHECK(entry.flags == INDIRECT && table == own->rings && ring.has_indirect);
            CHECK(entry.addr == (uint64_t)(uintptr_t)own->tables[index]);
            entries = entry.len / 16;
            CHECK(entry.len % 16 == 0 && entries >= 1 && entries <= SHADOW_CHAIN_MAX);
            table = (const uint8_t *)own->tables[index];
            index = 0;
            continue;
        }
        CHECK((entry.flags & ~(NEXT | WRITE)) == 0 && chain.count < size);
        uint64_t offset = entry.addr - (uint64_t)(uintptr_t)memory;
        CHECK(offset < MEMORY_BYTES && entry.len <= MEMORY_BYTES - offset);
        chain.buffers[chain.count++] =
            (struct buffer){offset, entry.len, (entry.flags & WRITE) != 0};
        if ((entry.flags & NEXT) == 0) {
            return &chain;
        }
        index = entry.next;
    }
}

static bool chain_equals(const struct chain *a, const struct chain *b) {
    for (uint32_t i = 0; i < a->count && a->count == b->count; i++) {
        const struct buffer *one = &a->buffers[i];
        const struct buffer *other = &b->buffers[i];
        if (one->offset != other->offset || one->length != other->length ||
            one->is_writable != other->is_writable) {
            return false;
        }
    }
    return a->count == b->count;
}

/* ---- the model ---- */

static bool model_buffer(struct chain *chain, struct entry entry, uint32_t limit) {
    bool is_outside = entry.addr >= MEMORY_BYTES || entry.addr + entry.len > MEMORY_BYTES;
    if (is_outside || (entry.flags | 3) != 3 || chain->count == limit) {
        return false;
    }
    chain->buffers[chain->count++] =
        (struct buffer){entry.addr, entry.len, (entry.flags & WRITE) != 0};
    return true;
}

static bool model_table(const uint8_t *image, struct entry head, struct chain *chain) {
    uint32_t entries = head.len / 16;
    uint32_t limit =
        chain->count + SHADOW_CHAIN_MAX < size ? chain->count + SHADOW_CHAIN_MAX : size;
    uint32_t index = 0;
    if (!ring.has_indirect || (head.flags | WRITE) != (INDIRECT | WRITE) || head.len == 0 ||
        head.len % 16 != 0 || head.addr >= MEMORY_BYTES || head.addr + head.len > MEMORY_BYTES) {
        return false;
    }
    for (;;) {
        if (index >= entries) {
            return false;
        }
        struct entry entry = entry_at(image + head.addr + 16 * (size_t)index);
        if (!model_buffer(chain, entry, limit)) {
            return false;
        }
        if ((entry.flags & NEXT) == 0) {
            return true;
        }
        index = entry.next;
    }
}

/* Whether the chain at `head` may pass, and what it is then. */
static bool model_chain(const uint8_t *image, uint32_t head, struct chain *chain) {
    uint32_t index = head;
    chain->count = 0;
    for (;;) {
        if (index >= size || held_by[index] != 0) {
            return false;
        }
        held_by[index] = head + 1;
        struct entry entry = entry_at(image + place.table + 16 * (size_t)index);
        if ((entry.flags & INDIRECT) != 0) {
            return model_table(image, entry, chain);
        }
        if (!model_buffer(chain, entry, size)) {
            return false;
        }
        if ((entry.flags & NEXT) == 0) {
            return true;
        }
        index = entry.next;
    }
}

/* What the model says about all that is in `image` and was not there at `from_idx`. */
static bool model_publish(const uint8_t *image, uint16_t from_idx) {
    uint16_t end_idx = get16(image + place.avail + 2);
    if ((uint16_t)(end_idx - from_idx) > size) {
        return false;
    }
    for (uint16_t idx = from_idx; idx != end_idx; idx++) {
        uint32_t head = get16(image + place.avail + 4 + 2 * (idx % size));
        if (!model_chain(image, head, &given[head % SHADOW_SIZE_MAX])) {
            return false;
        }
        has_head[head] = true;
    }
    return true;
}

static void model_release(uint32_t head) {
    if (head >= size || !has_head[head]) {
        return;
    }
    has_head[head] = false;
    for (uint32_t i = 0; i < size; i++) {
        held_by[i] = held_by[i] == head + 1 ? 0 : held_by[i];
    }
}

/* ---- directed ---- */

static void expect_rule(const char *rule) {
    uint16_t before = get16(ring.own_avail + 2);
    CHECK(!shadow_ring_publish(&ring));
    if (strcmp(ring.fault.rule, rule) != 0) {
        printf("expected: %s, got: %s\n", rule, ring.fault.rule);
        exit(1);
    }
    CHECK(get16(ring.own_avail + 2) == before);
}

static void expect_pass(uint32_t head) {
    CHECK(shadow_ring_publish(&ring));
    CHECK(get16(ring.own_avail + 2) == avail_idx);
    CHECK(get16(ring.own_avail + 4 + 2 * ((avail_idx - 1u) % size)) == head);
}

/* One buffer in the ring itself, and one in a table, both with this address and length. */
static void expect_buffer(uint64_t addr, uint32_t len, const char *rule) {
    for (int is_in_table = 0; is_in_table < 2; is_in_table++) {
        open_small(true);
        if (is_in_table) {
            put_desc(3, 0x2000, 16, INDIRECT, 0);
            put_entry(0x2000, addr, len, 0, 0);
        } else {
            put_desc(3, addr, len, 0, 0);
        }
        put_avail(3);
        if (rule == NULL) {
            expect_pass(3);
            CHECK(device_walk(3)->count == 1 && device_walk(3)->buffers[0].offset == addr);
        } else {
            expect_rule(rule);
            CHECK(ring.fault.index == 3 && ring.fault.entry == is_in_table - 1);
            CHECK(ring.fault.address == addr && ring.fault.length_bytes == len);
        }
    }
}

static void test_addresses(void) {
    static const char outside[] = "buffer outside linear memory";
    expect_buffer(0, MEMORY_BYTES, NULL);
    expect_buffer(MEMORY_BYTES - 1, 1, NULL);
    expect_buffer(MEMORY_BYTES - 1, 0, NULL);
    expect_buffer(0, MEMORY_BYTES + 1, outside);
    expect_buffer(0, UINT32_MAX, outside);
    expect_buffer(MEMORY_BYTES - 1, 2, outside);
    expect_buffer(MEMORY_BYTES, 0, outside);
    expect_buffer(MEMORY_BYTES, 1, outside);
    expect_buffer((uint64_t)0 - 16, 16, outside);         /* below */
    expect_buffer((uint64_t)0 - 16, 32, outside);         /* wraps to the beginning */
    expect_buffer(UINT64_MAX, 1, outside);                /* wraps to 0 */
    expect_buffer((uint64_t)(uintptr_t)own, 16, outside); /* as the device knows it */
    expect_buffer(0x100000000, 16, outside);              /* 0 in its lower half */
}

static void test_flags(void) {
    for (uint32_t flag = 8; flag <= 0x8000; flag <<= 1) {
        open_small(true);
        put_desc(0, 0x3000, 16, flag, 0);
        put_avail(0);
        expect_rule("unknown descriptor flag");
        open_small(true);
        put_desc(0, 0x2000, 16, INDIRECT, 0);
        put_entry(0x2000, 0x3000, 16, flag | WRITE, 0);
        put_avail(0);
        expect_rule("unknown descriptor flag");
        open_small(true);
        put_desc(0, 0x2000, 16, INDIRECT | flag, 0);
        put_avail(0);
        expect_rule("unknown descriptor flag");
    }
}

static void test_chains(void) {
    open_small(true);
    put_desc(1, 0x3000, 16, NEXT, 2);
    put_desc(2, 0x3000, 16, NEXT, 1);
    put_avail(1);
    expect_rule("chain runs in a circle");

    open_small(true);
    put_desc(1, 0x3000, 16, NEXT, 8);
    put_avail(1);
    expect_rule("next outside the queue");

    open_small(true);
    put_avail(8);
    expect_rule("head outside the queue");
    CHECK(ring.fault.index == 8 && !ring.fault.has_descriptor);

    open_small(true);
    put16(place.avail + 2, 9);
    expect_rule("available index jumps over more than the queue");

    open_small(true);
    put16(place.avail + 2, 0xffff); /* back */
    expect_rule("available index jumps over more than the queue");

    open_small(true);
    for (uint32_t i = 0; i < 8; i++) {
        put_desc(i, 0x3000 + i, 1, i < 7 ? NEXT : 0, i + 1);
    }
    put_avail(0);
    expect_pass(0);
    CHECK(device_walk(0)->count == 8);
}

static void test_holding(void) {
    open_small(true);
    put_desc(1, 0x3000, 16, NEXT, 2);
    put_desc(2, 0x3000, 16, WRITE, 0);
    put_avail(1);
    expect_pass(1);
    put_avail(1);
    expect_rule("descriptor is still with the device");

    open_small(true);
    put_desc(1, 0x3000, 16, NEXT, 2);
    put_desc(2, 0x3000, 16, WRITE, 0);
    put_desc(5, 0x3000, 16, NEXT, 2);
    put_avail(1);
    expect_pass(1);
    put_avail(5);
    expect_rule("descriptor is still with the device");
    CHECK(ring.fault.index == 2);
}

static void expect_table(uint64_t addr, uint32_t len, uint32_t flags, const char *rule) {
    open_small(true);
    put_desc(6, addr, len, flags, 0);
    put_avail(6);
    expect_rule(rule);
    CHECK(ring.fault.index == 6 && ring.fault.entry == -1);
}

static void test_tables(void) {
    static const char outside[] = "indirect table outside linear memory";
    static const char odd[] = "indirect table is not a number of descriptors";
    expect_table(0x2000, 16, INDIRECT | NEXT, "indirect table with a next descriptor");
    expect_table(0x2000, 0, INDIRECT, odd);
    expect_table(0x2000, 8, INDIRECT, odd);
    expect_table(0x2000, 24, INDIRECT, odd);
    expect_table(MEMORY_BYTES, 16, INDIRECT, outside);
    expect_table(MEMORY_BYTES - 16, 32, INDIRECT, outside);
    expect_table((uint64_t)0 - 16, 32, INDIRECT, outside);
    expect_table(0x2000, 0xfffffff0, INDIRECT, outside);

    open_small(false);
    put_desc(6, 0x2000, 16, INDIRECT, 0);
    put_avail(6);
    expect_rule("indirect table without the feature");

    open_small(true);
    put_desc(6, 0x2000, 32, INDIRECT, 0);
    put_entry(0x2000, 0x3000, 16, NEXT, 1);
    put_entry(0x2010, 0x2000, 16, INDIRECT, 0);
    put_avail(6);
    expect_rule("indirect table inside an indirect table");
    CHECK(ring.fault.index == 6 && ring.fault.entry == 1);

    open_small(true);
    put_desc(6, 0x2000, 32, INDIRECT, 0);
    put_entry(0x2000, 0x3000, 16, NEXT, 2);
    put_avail(6);
    expect_rule("next outside the indirect table");

    open_small(true);
    put_desc(6, 0x2000, 32, INDIRECT, 0);
    put_entry(0x2000, 0x3000, 16, NEXT, 1);
    put_entry(0x2010, 0x3000, 16, NEXT, 0);
    put_avail(6);
    expect_rule("chain runs in a circle");
}

/* A table longer than the queue, then than ours, of which only what is used counts. */
static void test_table_lengths(void) {
    open_small(true);
    put_desc(6, 0x2000, 16 * 16, INDIRECT | WRITE, 0);
    for (uint32_t i = 0; i < 9; i++) {
        put_entry(0x2000 + 16 * i, 0x3000, 16, i < 8 ? NEXT : 0, i + 1);
    }
    put_avail(6);
    expect_rule("chain is too long");

    open_at((struct shadow_place){0x1000, 0x1800, 0x1a00}, 32, true);
    put_desc(6, 0x2001, 16 * 100, INDIRECT, 0); /* at any address */
    for (uint32_t i = 0; i < 17; i++) {
        put_entry(0x2001 + 16 * (5 * i), 0x3000 + i, 16, i < 16 ? NEXT : 0, 5 * (i + 1));
    }
    put_avail(6);
    expect_rule("chain is too long");

    open_at((struct shadow_place){0x1000, 0x1800, 0x1a00}, 32, true);
    put_desc(6, 0x2001, 16 * 100, INDIRECT, 0);
    for (uint32_t i = 0; i < 16; i++) {
        put_entry(0x2001 + 16 * (5 * i), 0x3000 + i, 16, i < 15 ? NEXT : 0, 5 * (i + 1));
    }
    put_avail(6);
    expect_pass(6);
    CHECK(device_walk(6)->count == 16);

    open_small(true); /* buffers, and then a table for the rest */
    put_desc(1, 0x3000, 16, NEXT, 4);
    put_desc(4, 0x2000, 32, INDIRECT, 0);
    put_entry(0x2000, 0x3010, 16, NEXT, 1);
    put_entry(0x2010, 0x3020, 16, WRITE, 0);
    put_avail(1);
    expect_pass(1);
    CHECK(device_walk(1)->count == 3);
}

static void test_late_changes(void) {
    open_small(true);
    put_desc(1, 0x3000, 16, NEXT, 2);
    put_desc(2, 0x3010, 16, WRITE, 0);
    put_desc(4, 0x2000, 16, INDIRECT, 0);
    put_entry(0x2000, 0x3020, 16, 0, 0);
    put_avail(1);
    put_avail(4);
    expect_pass(4);
    struct chain first = *device_walk(1);
    struct chain second = *device_walk(4);
    memset(memory, 0xff, 0x4000);
    put16(place.avail + 2, avail_idx);
    CHECK(shadow_ring_publish(&ring));
    CHECK(get16(ring.own_avail) == 1); /* the only flag there is */
    CHECK(chain_equals(&first, device_walk(1)));
    CHECK(chain_equals(&second, device_walk(4)));
}

static void device_use(uint32_t id, uint32_t length) {
    uint32_t entry[2] = {id, length};
    memcpy(ring.own_used + 4 + 8 * (used_idx % size), entry, sizeof entry);
    used_idx++;
    memcpy(ring.own_used + 2, &used_idx, sizeof used_idx);
}

static void test_used(void) {
    open_small(true);
    put_desc(1, 0x3000, 16, NEXT, 2);
    put_desc(2, 0x3010, 16, WRITE, 0);
    put_avail(1);
    expect_pass(1);
    uint16_t event = 77;
    memcpy(ring.own_avail_event, &event, sizeof event);
    device_use(8, 3); /* no such head */
    device_use(2, 3); /* inside a chain */
    device_use(UINT32_MAX, 3);
    shadow_ring_collect(&ring);
    CHECK(get16(memory + place.used + 2) == 3 && get16(memory + place.used + 4) == 8);
    CHECK(get16(memory + place.used + 4 + 8 * 8) == 77);
    put_avail(1);
    expect_rule("descriptor is still with the device");

    open_small(true);
    put_desc(1, 0x3000, 16, NEXT, 2);
    put_desc(2, 0x3010, 16, WRITE, 0);
    put_avail(1);
    expect_pass(1);
    device_use(1, 16);
    shadow_ring_collect(&ring);
    put_avail(1);
    expect_pass(1);

    open_small(true);
    used_idx = 5000; /* more than it ever had */
    device_use(1, 16);
    shadow_ring_collect(&ring);
    CHECK(get16(memory + place.used + 2) == 5001);
}

static void test_places(void) {
    static const struct {
        struct shadow_place place;
        uint32_t size;
    } bad[] = {
        {{0x1000, 0x1080, 0x1100}, 0},
        {{0x1000, 0x1080, 0x1100}, 6},
        {{0x1000, 0x1080, 0x1100}, 512},
        {{0x1008, 0x1080, 0x1100}, 8},
        {{0x1000, 0x1081, 0x1100}, 8},
        {{0x1000, 0x1080, 0x1102}, 8},
        {{MEMORY_BYTES - 112, 0x1080, 0x1100}, 8},
        {{0x1000, MEMORY_BYTES - 20, 0x1100}, 8},
        {{0x1000, 0x1080, MEMORY_BYTES - 68}, 8},
        {{(uint64_t)0 - 16, 0x1080, 0x1100}, 8},
        {{0x1000, (uint64_t)0 - 2, 0x1100}, 8},
        {{0x1000, 0x1080, (uint64_t)0 - 4}, 8},
    };
    open_small(true);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(shadow_ring_open(&ring, &bad[i].place, bad[i].size) != NULL);
    }
    open_at((struct shadow_place){MEMORY_BYTES - 128, 0x1080, 0x1100}, 8, true);
    open_at((struct shadow_place){0x1000, MEMORY_BYTES - 22, 0x1100}, 8, true);
    open_at((struct shadow_place){0x1000, 0x1080, MEMORY_BYTES - 72}, 8, true);
    struct shadow_place legacy = shadow_ring_place(0x3000, 256, 4096);
    CHECK(legacy.table == 0x3000 && legacy.avail == 0x4000 && legacy.used == 0x5000);
    legacy = shadow_ring_place(0x3000, 8, 4);
    CHECK(legacy.avail == 0x3080 && legacy.used == 0x3098);
}

/* ---- random ---- */

/* How rare faults are in this round: 1 is often. */
static uint64_t rarity;

static bool is_rare(uint64_t times) {
    return random_below(times * rarity) == 0;
}

static uint64_t random_address(uint32_t *length) {
    *length = (uint32_t)random_below(64);
    if (!is_rare(20)) {
        return 0x4000 + random_below(0x8000);
    }
    switch (random_below(4)) {
    case 0:
        return MEMORY_BYTES - random_below(80);
    case 1:
        return (uint64_t)0 - random_below(80);
    case 2:
        return random_below(UINT64_MAX);
    default:
        *length = (uint32_t)random_below(UINT32_MAX);
        return random_below(MEMORY_BYTES);
    }
}

static uint32_t random_flags(void) {
    uint32_t flags = is_rare(20) ? (uint32_t)random_below(0x10000) & ~NEXT : 0;
    return flags ^ (random_below(2) == 0 ? WRITE : 0);
}

static void random_entry(uint64_t offset, bool has_next, uint32_t next, uint32_t count) {
    uint32_t length;
    uint64_t address = random_address(&length);
    if (is_rare(20)) {
        next = (uint32_t)random_below(random_below(2) == 0 ? count + 1 : 0x10000);
    }
    put_entry(offset, address, length, random_flags() | (has_next ? NEXT : 0), next);
}

/* A table anywhere, with a chain through every other entry or so. */
static void random_table(uint32_t head) {
    uint64_t table = 0xd000 + random_below(0x2000);
    uint32_t count = 1 + (uint32_t)random_below(is_rare(10) ? 40 : size < 16 ? size : 16);
    uint32_t step = 1 + (uint32_t)random_below(3);
    for (uint32_t i = 0; i < count; i++) {
        random_entry(table + 16 * step * i, i + 1 < count, step * (i + 1), step * count);
    }
    uint32_t length = 16 * step * count + (is_rare(20) ? (uint32_t)random_below(64) - 32 : 0);
    put_desc(head, is_rare(20) ? (uint64_t)0 - 16 : table, length,
             INDIRECT | (is_rare(20) ? (uint32_t)random_below(0x10000) : 0), 0);
}

/* Of the descriptors that nobody has, one that is not in the batch yet; or any. */
static uint32_t random_free(bool *is_in_batch) {
    uint32_t index = (uint32_t)random_below(size);
    for (uint32_t i = 0; i < size && !is_rare(40); i++, index = (index + 1) % size) {
        if (held_by[index] == 0 && !is_in_batch[index]) {
            break;
        }
    }
    is_in_batch[index] = true;
    return index;
}

static void random_publish(void) {
    bool is_in_batch[SHADOW_SIZE_MAX] = {false};
    uint32_t room = 0;
    for (uint32_t i = 0; i < size; i++) {
        room += held_by[i] == 0 ? 1 : 0;
    }
    for (uint32_t chains = (uint32_t)random_below(is_rare(10) ? 300 : 4); chains > 0; chains--) {
        uint32_t wanted = 1 + (uint32_t)random_below(6);
        uint32_t index = random_free(is_in_batch);
        if (room < wanted && !is_rare(20)) {
            break;
        }
        room -= room < wanted ? room : wanted;
        put_avail(is_rare(40) ? (uint32_t)random_below(0x10000) : index);
        while (--wanted > 0) {
            uint32_t next = random_free(is_in_batch);
            random_entry(place.table + 16 * index, true, next, size);
            index = next;
        }
        if (ring.has_indirect && random_below(2) == 0) {
            random_table(index);
        } else {
            random_entry(place.table + 16 * index, false, 0, size);
        }
    }
    if (is_rare(100)) {
        put16(place.avail + 2, (uint16_t)random_below(0x10000));
    }
}

/* What the device has is as it was given, whatever the module has done since. */
static void check_given(bool is_unsteady) {
    for (uint32_t head = 0; head < size; head++) {
        if (has_head[head]) {
            const struct chain *chain = device_walk(head);
            CHECK(is_unsteady || chain_equals(chain, &given[head]));
        }
    }
}

static void random_use(void) {
    uint32_t count = (uint32_t)random_below(size < 4 ? size + 1 : 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t head = (uint32_t)random_below(size);
        bool is_lie = random_below(20) == 0;
        if (is_lie || has_head[head]) {
            uint32_t id = is_lie ? (uint32_t)random_below(UINT32_MAX) : head;
            device_use(id, (uint32_t)random_below(UINT32_MAX));
            model_release(id);
        }
    }
    shadow_ring_collect(&ring);
    CHECK(get16(memory + place.used + 2) == used_idx);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t slot = 4 + 8 * ((used_idx - 1 - i) % size);
        CHECK(memcmp(memory + place.used + slot, ring.own_used + slot, 8) == 0);
    }
}

/* One queue, until its first fault. Returns whether it had one. */
static bool random_round(void) {
    static uint8_t image[MEMORY_BYTES];
    uint32_t entries = 1u << random_below(9);
    struct shadow_place where = {0x1000, 0x2000 + 2 * random_below(64),
                                 0x2800 + 4 * random_below(64)};
    open_at(where, entries, random_below(8) != 0);
    rarity = random_below(2) == 0 ? 1 : 1000;
    bool is_unsteady = random_below(2) == 0;
    for (int step = 0; step < STEPS; step++) {
        uint16_t before = get16(ring.own_avail + 2);
        random_publish();
        memcpy(image, memory, MEMORY_BYTES);
        bool may_pass = model_publish(image, before);
        is_spoiling = is_unsteady;
        bool passes = shadow_ring_publish(&ring);
        is_spoiling = false;
        memcpy(memory, image, MEMORY_BYTES);
        if (is_unsteady && passes != may_pass) {
            return true; /* two chains, or one twice, had a part of a table in common */
        }
        CHECK(passes == may_pass);
        if (!may_pass) {
            CHECK(get16(ring.own_avail + 2) == before);
            return true;
        }
        CHECK(get16(ring.own_avail + 2) == get16(image + place.avail + 2));
        check_given(is_unsteady);
        memset(memory + 0xd000, (int)random_below(256), 0x3000);
        random_use();
        check_given(is_unsteady);
    }
    return false;
}

static void test_random(void) {
    uint32_t faults = 0;
    for (int round = 0; round < ROUNDS; round++) {
        faults += random_round() ? 1 : 0;
    }
    printf("%u of %d random queues had a fault\n", faults, ROUNDS);
    CHECK(faults > ROUNDS / 4 && faults < ROUNDS - ROUNDS / 4);
}

int main(void) {
    random_init();
    memory = aligned_alloc(4096, MEMORY_BYTES);
    own = aligned_alloc(4096, (sizeof *own + 4095) / 4096 * 4096);
    CHECK(memory != NULL && own != NULL);
    test_places();
    test_addresses();
    test_flags();
    test_chains();
    test_holding();
    test_tables();
    test_table_lengths();
    test_late_changes();
    test_used();
    test_random();
    free(memory);
    free(own);
    return 0;
}
