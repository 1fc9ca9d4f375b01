/*
 * The frame of a WASM call, included ahead of wasm3's m3_compile.c by kernel.mk.
 *
 * On entry to a function wasm3 clears the slots of its frame and copies its constants behind them,
 * mostly a few words, with memset and memcpy: calls that cost more than the work. Here they are
 * loops in place. Whatever has a fixed length, or is not cleared, is left as it was.
 *
 * Clearing goes in whole steps and so past the end: there are the constants, which are copied
 * afterwards, and then the free part of the stack, whose margin is larger than a step.
 */
#ifndef TSBLK_WASM_FRAME_H
#define TSBLK_WASM_FRAME_H

#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((may_alias, aligned(4))) wasm_slots;
typedef uint32_t __attribute__((may_alias)) wasm_slot;

#define WASM_CLEAR_STEP 4

static inline void wasm_clear_frame(void *frame, size_t length_bytes) {
    wasm_slots *next = frame;
    const wasm_slots *end = (const wasm_slots *)((uint8_t *)frame + length_bytes);
    for (; next < end; next += WASM_CLEAR_STEP) {
        next[0] = 0;
        next[1] = 0;
        next[2] = 0;
        next[3] = 0;
    }
}

static inline void wasm_copy_constants(void *to, const void *from, size_t length_bytes) {
    uint8_t *next = to;
    uint8_t *end = next + length_bytes;
    const uint8_t *source = from;
    if (length_bytes % sizeof(wasm_slots) != 0) {
        *(wasm_slot *)next = *(const wasm_slot *)source;
        next += sizeof(wasm_slot);
        source += sizeof(wasm_slot);
    }
    while (next < end) {
        *(wasm_slots *)next = *(const wasm_slots *)source;
        next += sizeof(wasm_slots);
        source += sizeof(wasm_slots);
        __asm__("" : "+r"(next)); /* or the compiler makes it a call of memcpy */
    }
}

#define memset(to, byte, length_bytes)                                                             \
    (__builtin_constant_p(byte) && !__builtin_constant_p(length_bytes)                             \
         ? wasm_clear_frame(to, length_bytes)                                                      \
         : (void)(memset)(to, byte, length_bytes))
#define memcpy(to, from, length_bytes)                                                             \
    (__builtin_constant_p(length_bytes) ? (void)__builtin_memcpy(to, from, length_bytes)           \
                                        : wasm_copy_constants(to, from, length_bytes))

#endif
