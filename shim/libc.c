/*
 * The few functions of a C library that the compiler and wasm3 call. Memory is copied, filled and
 * compared in steps of 8 bytes: the destination is aligned first, the source may lie anywhere.
 * Compiled so that the compiler does not turn these loops into calls of themselves.
 *
 * The bit counters are here because the compilers' own support libraries are built for another ABI.
 */
#include "panic.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A word at any address, and of whatever type the memory has. */
typedef uint64_t __attribute__((may_alias, aligned(1))) any_word;

#define WORD_BYTES sizeof(any_word)

int __clzdi2(uint64_t value);
int __ctzdi2(uint64_t value);
int __popcountdi2(uint64_t value);

/* Bytes up to the next multiple of WORD_BYTES, at most `length_bytes`. */
static size_t bytes_to_alignment(const void *address, size_t length_bytes) {
    size_t head_bytes = -(uintptr_t)address % WORD_BYTES;
    return head_bytes < length_bytes ? head_bytes : length_bytes;
}

static void copy_forward(uint8_t *to, const uint8_t *from, size_t length_bytes) {
    uint8_t *end = to + length_bytes;
    uint8_t *aligned = to + bytes_to_alignment(to, length_bytes);
    while (to < aligned) {
        *to++ = *from++;
    }
    for (; (size_t)(end - to) >= 4 * WORD_BYTES; to += 4 * WORD_BYTES, from += 4 * WORD_BYTES) {
        uint64_t a = ((const any_word *)from)[0];
        uint64_t b = ((const any_word *)from)[1];
        uint64_t c = ((const any_word *)from)[2];
        uint64_t d = ((const any_word *)from)[3];
        ((any_word *)to)[0] = a;
        ((any_word *)to)[1] = b;
        ((any_word *)to)[2] = c;
        ((any_word *)to)[3] = d;
    }
    for (; (size_t)(end - to) >= WORD_BYTES; to += WORD_BYTES, from += WORD_BYTES) {
        *(any_word *)to = *(const any_word *)from;
    }
    while (to < end) {
        *to++ = *from++;
    }
}

static void copy_backward(uint8_t *to, const uint8_t *from, size_t length_bytes) {
    size_t left = length_bytes;
    while (left > 0 && (uintptr_t)(to + left) % WORD_BYTES != 0) {
        left--;
        to[left] = from[left];
    }
    while (left >= WORD_BYTES) {
        left -= WORD_BYTES;
        *(any_word *)(to + left) = *(const any_word *)(from + left);
    }
    while (left > 0) {
        left--;
        to[left] = from[left];
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t length_bytes) {
    copy_forward(to, from, length_bytes);
    return to;
}

void *memmove(void *to, const void *from, size_t length_bytes) {
    /* Forward is right unless `to` lies inside the source, above its start. */
    if ((uintptr_t)to - (uintptr_t)from >= length_bytes) {
        copy_forward(to, from, length_bytes);
    } else {
        copy_backward(to, from, length_bytes);
    }
    return to;
}

void *memset(void *to, int byte, size_t length_bytes) {
    uint8_t value = (uint8_t)byte;
    uint64_t word = value * (uint64_t)0x0101010101010101;
    uint8_t *next = to;
    uint8_t *end = next + length_bytes;
    uint8_t *aligned = next + bytes_to_alignment(next, length_bytes);
    while (next < aligned) {
        *next++ = value;
    }
    for (; (size_t)(end - next) >= 8 * WORD_BYTES; next += 8 * WORD_BYTES) {
        any_word *words = (any_word *)next;
        words[0] = words[1] = words[2] = words[3] = word;
        words[4] = words[5] = words[6] = words[7] = word;
    }
    for (; (size_t)(end - next) >= WORD_BYTES; next += WORD_BYTES) {
        *(any_word *)next = word;
    }
    while (next < end) {
        *next++ = value;
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t length_bytes) {
    const uint8_t *a = left;
    const uint8_t *b = right;
    size_t i = 0;
    while (length_bytes - i >= WORD_BYTES &&
           *(const any_word *)(a + i) == *(const any_word *)(b + i)) {
        i += WORD_BYTES;
    }
    for (; i < length_bytes; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length_bytes = 0;
    while (text[length_bytes] != '\0') {
        length_bytes++;
    }
    return length_bytes;
}

int strcmp(const char *left, const char *right) {
    while (*left != '\0' && *left == *right) {
        left++;
        right++;
    }
    return (uint8_t)*left - (uint8_t)*right;
}

void abort(void) {
    panic("wasm3 gave up");
}

int __popcountdi2(uint64_t value) {
    /* Sums of 1, 2 and 4 bits side by side, then all bytes added up in the top one. */
    value -= value >> 1 & 0x5555555555555555;
    value = (value & 0x3333333333333333) + (value >> 2 & 0x3333333333333333);
    value = (value + (value >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (int)(value * 0x0101010101010101 >> 56);
}

int __clzdi2(uint64_t value) {
    int zeros = value == 0 ? 64 : 63;
    for (int shift = 32; shift > 0; shift /= 2) {
        int step = value >> shift != 0 ? shift : 0;
        value >>= step;
        zeros -= step;
    }
    return zeros;
}

int __ctzdi2(uint64_t value) {
    return __popcountdi2(~value & (value - 1));
}
