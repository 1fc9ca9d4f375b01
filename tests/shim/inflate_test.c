/*
 * shim/inflate.c under the sanitizers, on streams that zlib made: inflate_test
 * ORIGINAL STREAM... Each gives the original back; each cut and each changed
 * one is refused or expanded, and never read or written past its ends. Blocks
 * are allocated to the byte.
 */
#include "check.h"

#include <string.h>

#include "../../shim/inflate.c"

#define CHANGES 500
#define CUTS    500

struct bytes {
    uint8_t *start;
    size_t length;
};

static struct bytes read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    fseek(file, 0, SEEK_END);
    struct bytes bytes = {.length = (size_t)ftell(file)};
    rewind(file);
    bytes.start = malloc(bytes.length);
    CHECK(fread(bytes.start, 1, bytes.length, file) == bytes.length);
    fclose(file);
    return bytes;
}

static struct bytes copy(struct bytes from, size_t length) {
    struct bytes bytes = {malloc(length), length};
    memcpy(bytes.start, from.start, length);
    return bytes;
}

static void check_whole(struct bytes original, struct bytes stream) {
    uint8_t *target = malloc(original.length);
    CHECK(inflate(stream.start, stream.length, target, original.length) == NULL);
    CHECK(memcmp(target, original.start, original.length) == 0);
    CHECK(inflate(stream.start, stream.length, target, original.length - 1) != NULL);
    free(target);
    target = malloc(original.length + 1);
    CHECK(inflate(stream.start, stream.length, target, original.length + 1) != NULL);
    free(target);
}

static void check_cuts(struct bytes original, struct bytes stream) {
    uint8_t *target = malloc(original.length);
    for (int i = 0; i < CUTS; i++) {
        struct bytes cut = copy(stream, random_below(stream.length));
        CHECK(inflate(cut.start, cut.length, target, original.length) != NULL);
        free(cut.start);
    }
    free(target);
}

static void check_changes(struct bytes original, struct bytes stream) {
    uint8_t *target = malloc(original.length);
    for (int i = 0; i < CHANGES; i++) {
        struct bytes changed = copy(stream, stream.length);
        size_t near = i % 2 == 0 ? stream.length : stream.length < 64 ? stream.length : 64;
        changed.start[random_below(near)] ^= (uint8_t)(1 + random_below(255));
        inflate(changed.start, changed.length, target, original.length);
        free(changed.start);
    }
    free(target);
}

int main(int count, char **paths) {
    random_init();
    CHECK(count > 2);
    struct bytes original = read_file(paths[1]);
    for (int i = 2; i < count; i++) {
        struct bytes stream = read_file(paths[i]);
        check_whole(original, stream);
        check_cuts(original, stream);
        check_changes(original, stream);
        free(stream.start);
    }
    free(original.start);
    return 0;
}
