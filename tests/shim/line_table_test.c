/*
 * shim/line_table.c under the sanitizers: line_table_test TABLE MODULE [OFFSETS]
 * prints the place of each offset, which are u32, little endian, or `none`.
 * Without offsets it looks into cut, changed and random tables, and cut and
 * changed modules: whatever is found is a name inside the table, and nothing is
 * read past an end. Blocks are allocated to the byte.
 */
#include "check.h"

#include <string.h>

#include "../../shim/line_table.c"

#define ROUNDS           300
#define LOOKUPS          3
#define RANDOM_BYTES_MAX 5000

static struct line_bytes read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    fseek(file, 0, SEEK_END);
    size_t length = (size_t)ftell(file);
    rewind(file);
    uint8_t *start = malloc(length);
    CHECK(fread(start, 1, length, file) == length);
    fclose(file);
    return (struct line_bytes){start, length};
}

static void print_places(struct line_bytes table, struct line_bytes module,
                         struct line_bytes offsets) {
    for (size_t at = 0; at < offsets.length; at += sizeof(uint32_t)) {
        uint32_t offset;
        struct line_place place;
        memcpy(&offset, offsets.start + at, sizeof offset);
        if (line_table_find(table, module, offset, &place)) {
            printf("%s:%u\n", place.file, place.line);
        } else {
            printf("none\n");
        }
    }
}

static void look(struct line_bytes table, struct line_bytes module) {
    for (int i = 0; i < LOOKUPS; i++) {
        struct line_place place;
        uint32_t offset = (uint32_t)random_below(module.length + 100);
        if (line_table_find(table, module, offset, &place)) {
            const uint8_t *name = (const uint8_t *)place.file;
            CHECK(name >= table.start && name < table.start + table.length);
            CHECK(strlen(place.file) < (size_t)(table.start + table.length - name));
        }
    }
}

/* A copy of the first `length` bytes with `changes` of them changed. */
static struct line_bytes damage(struct line_bytes from, size_t length, int changes) {
    uint8_t *start = malloc(length);
    memcpy(start, from.start, length);
    for (int i = 0; i < changes && length != 0; i++) {
        size_t near = i % 2 == 0 || length < 64 ? length : 64;
        start[random_below(near)] = (uint8_t)random_below(256);
    }
    return (struct line_bytes){start, length};
}

static void look_damaged(struct line_bytes table, struct line_bytes module) {
    for (int round = 0; round < ROUNDS; round++) {
        struct line_bytes cut = damage(table, random_below(table.length), 0);
        struct line_bytes changed = damage(table, table.length, 10);
        struct line_bytes noise = damage(table, random_below(RANDOM_BYTES_MAX), RANDOM_BYTES_MAX);
        struct line_bytes cut_module = damage(module, random_below(module.length), 0);
        struct line_bytes changed_module = damage(module, module.length, 10);
        look(cut, module);
        look(changed, module);
        look(noise, module);
        look(table, cut_module);
        look(table, changed_module);
        look(changed, changed_module);
        free((void *)cut.start);
        free((void *)changed.start);
        free((void *)noise.start);
        free((void *)cut_module.start);
        free((void *)changed_module.start);
    }
}

int main(int count, char **paths) {
    CHECK(count == 3 || count == 4);
    struct line_bytes table = read_file(paths[1]);
    struct line_bytes module = read_file(paths[2]);
    if (count == 4) {
        struct line_bytes offsets = read_file(paths[3]);
        print_places(table, module, offsets);
        free((void *)offsets.start);
    } else {
        random_init();
        look_damaged(table, module);
    }
    free((void *)table.start);
    free((void *)module.start);
    return 0;
}
