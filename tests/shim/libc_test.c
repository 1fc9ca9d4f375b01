/*
 * shim/libc.c under the sanitizers: every alignment of both operands with every
 * short length, every distance of overlap, compared with loops over bytes.
 * Blocks are allocated to the byte, so that one byte too far is caught.
 */
#include "check.h"

#include <string.h>

#define memcpy  shim_memcpy
#define memmove shim_memmove
#define memset  shim_memset
#define memcmp  shim_memcmp
#define strlen  shim_strlen
#define strcmp  shim_strcmp
#define abort   shim_abort

#include "../../shim/libc.c"

#define ALIGNMENTS 16
#define LENGTHS    100
#define AREA       256

void panic(const char *text) {
    printf("panic: %s\n", text);
    exit(1);
}

static void fill(uint8_t *bytes, size_t length, uint8_t first) {
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(first + i * 7);
    }
}

static void check_equal(const uint8_t *got, const uint8_t *wanted, size_t length) {
    for (size_t i = 0; i < length; i++) {
        CHECK(got[i] == wanted[i]);
    }
}

static void check_copy(size_t to, size_t from, size_t length) {
    uint8_t *source = malloc(from + length + 1);
    uint8_t *target = malloc(to + length + 1);
    fill(source, from + length, 1);
    fill(target, to + length, 101);
    CHECK(shim_memcpy(target + to, source + from, length) == target + to);
    check_equal(target + to, source + from, length);
    for (size_t i = 0; i < to; i++) {
        CHECK(target[i] == (uint8_t)(101 + i * 7));
    }
    free(source);
    free(target);
}

static void check_exact_copy(size_t length) {
    uint8_t *source = malloc(length);
    uint8_t *target = malloc(length);
    fill(source, length, 3);
    shim_memcpy(target, source, length);
    check_equal(target, source, length);
    shim_memset(target, 9, length);
    CHECK(length == 0 || (target[0] == 9 && target[length - 1] == 9));
    CHECK(shim_memcmp(source, source, length) == 0);
    free(source);
    free(target);
}

static void check_move(size_t to, size_t from, size_t length) {
    uint8_t area[AREA];
    uint8_t wanted[AREA];
    fill(area, AREA, 5);
    fill(wanted, AREA, 5);
    for (size_t i = 0; i < length; i++) {
        wanted[to + i] = area[from + i];
    }
    CHECK(shim_memmove(area + to, area + from, length) == area + to);
    check_equal(area, wanted, AREA);
}

static void check_set(size_t to, size_t length, int byte) {
    uint8_t area[AREA];
    uint8_t wanted[AREA];
    fill(area, AREA, 5);
    fill(wanted, AREA, 5);
    for (size_t i = 0; i < length; i++) {
        wanted[to + i] = (uint8_t)byte;
    }
    CHECK(shim_memset(area + to, byte, length) == area + to);
    check_equal(area, wanted, AREA);
}

/* Equal but for one byte at `place`, or wholly equal when `place` is `length`.
 */
static void check_compare(size_t left, size_t right, size_t length, size_t place) {
    uint8_t a[AREA];
    uint8_t b[AREA];
    fill(a + left, length, 40);
    fill(b + right, length, 40);
    if (place == length) {
        CHECK(shim_memcmp(a + left, b + right, length) == 0);
        return;
    }
    a[left + place] = 0x80;
    b[right + place] = 0x7f;
    CHECK(shim_memcmp(a + left, b + right, length) > 0);
    CHECK(shim_memcmp(b + right, a + left, length) < 0);
}

static void check_alignments(size_t length) {
    check_exact_copy(length);
    for (size_t a = 0; a < ALIGNMENTS; a++) {
        check_set(a, length, 0xa5);
        check_set(a, length, 0x15a);
        for (size_t b = 0; b < ALIGNMENTS; b++) {
            check_copy(a, b, length);
            check_move(a, b, length);
            check_compare(a, b, length, length);
            check_compare(a, b, length, length / 2);
        }
    }
}

static void check_text(void) {
    CHECK(shim_strlen("") == 0 && shim_strlen("twelve bytes") == 12);
    CHECK(shim_strcmp("a", "a") == 0 && shim_strcmp("", "") == 0);
    CHECK(shim_strcmp("a", "b") < 0 && shim_strcmp("ab", "a") > 0);
    CHECK(shim_strcmp("\xff", "a") > 0);
}

static void check_bits(void) {
    for (int bit = 0; bit < 64; bit++) {
        uint64_t value = (uint64_t)1 << bit;
        CHECK(__clzdi2(value) == 63 - bit && __ctzdi2(value) == bit && __popcountdi2(value) == 1);
        CHECK(__clzdi2(value | 1) == 63 - bit && __ctzdi2(value | (uint64_t)1 << 63) == bit);
        CHECK(__popcountdi2(value - 1) == bit && __popcountdi2(~value) == 63);
    }
}

int main(void) {
    for (size_t length = 0; length < LENGTHS; length++) {
        check_alignments(length);
    }
    for (size_t distance = 0; distance <= AREA / 2; distance++) {
        check_move(distance, 0, AREA / 2);
        check_move(0, distance, AREA / 2);
    }
    check_text();
    check_bits();
    return 0;
}
