/*
 * shim/memory.c under the sanitizers: random calls against a record of what
 * should be where, then exhaustion, the joining of freed neighbours, the pinned
 * block, and pointers that are not ours.
 */
#include "check.h"

#include "../../shim/memory.c"

#include <setjmp.h>

#define HEAP_BYTES 0x10000
#define BLOCKS     64
#define STEPS      200000
#define LARGEST    (HEAP_BYTES - GRAIN_BYTES)

struct record {
    uint8_t *bytes;
    size_t length;
    uint8_t fill;
};

static struct record records[BLOCKS];
static uint8_t *heap;
static jmp_buf panicked;

void panic(const char *text) {
    CHECK(strcmp(text, "memory: not a block in use") == 0);
    longjmp(panicked, 1);
}

static void record_check(const struct record *record) {
    for (size_t i = 0; i < record->length; i++) {
        CHECK(record->bytes[i] == record->fill);
    }
}

static void record_take(struct record *record, void *bytes, size_t length) {
    CHECK((uintptr_t)bytes % 16 == 0);
    CHECK((uint8_t *)bytes >= heap && (uint8_t *)bytes + length <= heap + HEAP_BYTES);
    record->bytes = bytes;
    record->length = length;
    record->fill = (uint8_t)random_below(256);
    memset(bytes, record->fill, length);
}

static void random_allocate(struct record *record) {
    size_t length = random_below(random_below(8) == 0 ? 8000 : 200);
    bool is_zeroed = random_below(2) == 0;
    uint8_t *bytes = is_zeroed ? memory_calloc(length, 1) : memory_malloc(length);
    if (bytes == NULL) {
        return;
    }
    for (size_t i = 0; is_zeroed && i < length; i++) {
        CHECK(bytes[i] == 0);
    }
    record_take(record, bytes, length);
}

static void random_resize(struct record *record) {
    size_t length = random_below(1000);
    uint8_t *bytes = memory_realloc(record->bytes, length);
    if (bytes == NULL) {
        return;
    }
    record->bytes = bytes;
    record->length = length < record->length ? length : record->length;
    record_check(record);
    record_take(record, bytes, length);
}

static void random_step(void) {
    struct record *record = &records[random_below(BLOCKS)];
    if (record->bytes == NULL) {
        random_allocate(record);
        return;
    }
    record_check(record);
    if (random_below(3) == 0) {
        random_resize(record);
    } else {
        memory_free(record->bytes);
        record->bytes = NULL;
    }
}

static void check_random(void) {
    for (unsigned step = 0; step < STEPS; step++) {
        random_step();
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (records[i].bytes != NULL) {
            record_check(&records[i]);
        }
        memory_free(records[i].bytes);
    }
}

/* Only if every block has been joined with its neighbours is there one as long
 * as the heap. */
static void check_whole(void) {
    void *whole = memory_malloc(LARGEST);
    CHECK(whole != NULL);
    memset(whole, 1, LARGEST);
    CHECK(memory_malloc(1) == NULL);
    memory_free(whole);
}

static void check_exhaustion(void) {
    void *blocks[HEAP_BYTES / 48];
    for (unsigned i = 0; i < HEAP_BYTES / 48; i++) {
        blocks[i] = memory_malloc(32);
        CHECK(blocks[i] != NULL);
    }
    CHECK(memory_malloc(32) == NULL);
    CHECK(memory_realloc(blocks[0], 64) == NULL);
    for (unsigned i = 0; i < HEAP_BYTES / 48; i += 2) {
        memory_free(blocks[i]);
    }
    CHECK(memory_malloc(64) == NULL);
    for (unsigned i = 1; i < HEAP_BYTES / 48; i += 2) {
        memory_free(blocks[i]);
    }
    check_whole();
}

static void check_limits(void) {
    CHECK(memory_malloc(LARGEST + 1) == NULL);
    CHECK(memory_malloc(SIZE_MAX) == NULL && memory_malloc(SIZE_MAX - 15) == NULL);
    CHECK(memory_calloc(SIZE_MAX / 2, 3) == NULL);
    CHECK(memory_calloc((size_t)1 << 32, (size_t)1 << 32) == NULL);
    void *empty = memory_malloc(0);
    CHECK(empty != NULL && memory_realloc(empty, SIZE_MAX) == NULL);
    memory_free(empty);
    memory_free(NULL);
}

static void check_pinned(void) {
    static uint8_t linear_memory[64];
    memory_pin(linear_memory);
    memory_free(linear_memory);
    CHECK(memory_realloc(linear_memory, 16) == NULL);
    CHECK(memory_realloc(linear_memory, 1024) == NULL);
}

static void check_refused(void *pointer) {
    if (setjmp(panicked) == 0) {
        memory_free(pointer);
        CHECK(!"the pointer is refused");
    }
}

static void check_bad_pointers(void) {
    static uint8_t elsewhere[64];
    uint8_t *block = memory_calloc(4, 16);
    check_refused(elsewhere);
    check_refused(block + 1);
    check_refused(block + 16);
    check_refused(heap);
    memory_free(block);
    check_refused(block);
}

int main(void) {
    random_init();
    heap = aligned_alloc(16, HEAP_BYTES);
    memory_init(heap, HEAP_BYTES);
    check_whole();
    check_random();
    check_whole();
    check_exhaustion();
    check_limits();
    check_pinned();
    check_bad_pointers();
    check_whole();
    free(heap);
    return 0;
}
