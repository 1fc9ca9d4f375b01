/*
 * Expands a raw DEFLATE stream, as in RFC 1951: stored, fixed and dynamic blocks. The kernel holds
 * its module that way, at less than half its size.
 *
 * A code is looked up in one table with an entry for every value of the next 15 bits, so a symbol
 * costs one access. Bits come in through a 64-bit window, the first bit of the stream lowest:
 *
 *     source ... | next byte |        window: | later bits ... | next bit |
 */
#include "inflate.h"

#include <stdbool.h>
#include <string.h>

#define CODE_BITS_MAX      15
#define LENGTH_CODES_MAX   286
#define DISTANCE_CODES_MAX 30
#define CODE_LENGTH_CODES  19
#define END_OF_BLOCK       256
#define WINDOW_BITS_WANTED 48 /* a length, a distance and the extra bits of both, in full */

/* Number of bits in the low 4 bits, symbol above them; 0 where no code begins so. */
#define ENTRY(SYMBOL, BITS) ((uint16_t)((SYMBOL) << 4 | (BITS)))

struct code {
    uint16_t entries[1 << CODE_BITS_MAX];
};

struct stream {
    const uint8_t *next;
    const uint8_t *end;
    uint64_t window;
    unsigned window_bits;
    unsigned missing_bits; /* taken as zeros behind the end of the source */
    uint8_t *target;
    uint8_t *out;
    uint8_t *target_end;
};

static struct code length_code;
static struct code distance_code;

/* §3.2.5: what the symbols from 257 on, and the distance symbols, stand for. */
static const uint16_t length_base[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                       15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                       67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                       2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distance_base[] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};

static void stream_fill(struct stream *stream) {
    while (stream->window_bits < WINDOW_BITS_WANTED) {
        if (stream->next < stream->end) {
            stream->window |= (uint64_t)*stream->next++ << stream->window_bits;
        } else {
            stream->missing_bits += 8;
        }
        stream->window_bits += 8;
    }
}

static uint32_t stream_take(struct stream *stream, unsigned bits) {
    uint32_t value = (uint32_t)(stream->window & ((UINT64_C(1) << bits) - 1));
    stream->window >>= bits;
    stream->window_bits -= bits;
    return value;
}

/* Whether bits have been taken that the source does not have. */
static bool stream_is_short(const struct stream *stream) {
    return stream->window_bits < stream->missing_bits;
}

/* A symbol, or -1 when the next bits begin no code. The window holds enough of them. */
static int stream_symbol(struct stream *stream, const struct code *code) {
    uint16_t entry = code->entries[stream->window & ((1 << CODE_BITS_MAX) - 1)];
    stream_take(stream, entry & 15);
    return entry == 0 ? -1 : entry >> 4;
}

static uint32_t bits_reversed(uint32_t value, unsigned bits) {
    uint32_t reversed = 0;
    for (unsigned i = 0; i < bits; i++) {
        reversed = reversed << 1 | (value >> i & 1);
    }
    return reversed;
}

/*
 * Builds a code from the lengths of its words (§3.2.2). Words may be left over, as when a block has
 * one distance only; more words than there is room for are refused.
 */
static bool code_build(struct code *code, const uint8_t *lengths, unsigned symbol_count) {
    uint32_t count[CODE_BITS_MAX + 1] = {0};
    uint32_t next[CODE_BITS_MAX + 1] = {0};
    for (unsigned symbol = 0; symbol < symbol_count; symbol++) {
        count[lengths[symbol]]++;
    }
    count[0] = 0;
    for (unsigned bits = 1; bits <= CODE_BITS_MAX; bits++) {
        next[bits] = (next[bits - 1] + count[bits - 1]) << 1;
        if (next[bits] + count[bits] > UINT32_C(1) << bits) {
            return false;
        }
    }
    memset(code->entries, 0, sizeof code->entries);
    for (unsigned symbol = 0; symbol < symbol_count; symbol++) {
        unsigned bits = lengths[symbol];
        if (bits == 0) {
            continue;
        }
        uint32_t word = bits_reversed(next[bits]++, bits);
        for (; word < 1 << CODE_BITS_MAX; word += UINT32_C(1) << bits) {
            code->entries[word] = ENTRY(symbol, bits);
        }
    }
    return true;
}

/* §3.2.6 */
static void codes_build_fixed(void) {
    uint8_t lengths[LENGTH_CODES_MAX + 2];
    memset(lengths, 8, sizeof lengths);
    memset(lengths + 144, 9, 256 - 144);
    memset(lengths + 256, 7, 280 - 256);
    code_build(&length_code, lengths, sizeof lengths);
    memset(lengths, 5, DISTANCE_CODES_MAX + 2);
    code_build(&distance_code, lengths, DISTANCE_CODES_MAX + 2);
}

/* Reads the lengths of the words of both codes, themselves coded and with repeats (§3.2.7). */
static bool lengths_read(struct stream *stream, uint8_t *lengths, unsigned wanted) {
    unsigned known = 0;
    while (known < wanted) {
        stream_fill(stream);
        int symbol = stream_symbol(stream, &length_code);
        uint8_t repeated = 0;
        unsigned times = 1;
        if (symbol < 0 || (symbol == 16 && known == 0)) {
            return false;
        }
        if (symbol < 16) {
            repeated = (uint8_t)symbol;
        } else if (symbol == 16) {
            repeated = lengths[known - 1];
            times = 3 + stream_take(stream, 2);
        } else {
            times = symbol == 17 ? 3 + stream_take(stream, 3) : 11 + stream_take(stream, 7);
        }
        if (times > wanted - known) {
            return false;
        }
        memset(lengths + known, repeated, times);
        known += times;
    }
    return true;
}

/* §3.2.7 */
static bool codes_read(struct stream *stream) {
    static const uint8_t order[CODE_LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LENGTH_CODES_MAX + DISTANCE_CODES_MAX] = {0};
    stream_fill(stream);
    unsigned length_count = 257 + stream_take(stream, 5);
    unsigned distance_count = 1 + stream_take(stream, 5);
    unsigned order_count = 4 + stream_take(stream, 4);
    if (length_count > LENGTH_CODES_MAX || distance_count > DISTANCE_CODES_MAX) {
        return false;
    }
    for (unsigned i = 0; i < order_count; i++) {
        stream_fill(stream);
        lengths[order[i]] = (uint8_t)stream_take(stream, 3);
    }
    return code_build(&length_code, lengths, CODE_LENGTH_CODES) &&
           lengths_read(stream, lengths, length_count + distance_count) &&
           code_build(&distance_code, lengths + length_count, distance_count) &&
           code_build(&length_code, lengths, length_count);
}

/* Repeats `length` bytes from `distance` bytes back; the two may overlap. */
static bool stream_repeat(struct stream *stream, size_t distance, size_t length) {
    if (distance > (size_t)(stream->out - stream->target) ||
        length > (size_t)(stream->target_end - stream->out)) {
        return false;
    }
    for (const uint8_t *from = stream->out - distance; length > 0; length--) {
        *stream->out++ = *from++;
    }
    return true;
}

/* The rest of what `symbol` begins: a length and a distance. */
static bool stream_expand_pair(struct stream *stream, unsigned symbol) {
    unsigned length_index = symbol - END_OF_BLOCK - 1;
    if (length_index >= sizeof length_extra) {
        return false;
    }
    size_t length = length_base[length_index] + stream_take(stream, length_extra[length_index]);
    int distance_symbol = stream_symbol(stream, &distance_code);
    if (distance_symbol < 0 || distance_symbol >= DISTANCE_CODES_MAX) {
        return false;
    }
    unsigned extra = distance_symbol < 2 ? 0 : (unsigned)distance_symbol / 2 - 1;
    return stream_repeat(stream, distance_base[distance_symbol] + stream_take(stream, extra),
                         length);
}

static bool stream_expand_coded(struct stream *stream) {
    for (;;) {
        stream_fill(stream);
        int symbol = stream_symbol(stream, &length_code);
        if (symbol == END_OF_BLOCK) {
            return true;
        }
        if (symbol < 0 || stream_is_short(stream)) {
            return false;
        }
        if (symbol > END_OF_BLOCK) {
            if (!stream_expand_pair(stream, (unsigned)symbol)) {
                return false;
            }
        } else if (stream->out == stream->target_end) {
            return false;
        } else {
            *stream->out++ = (uint8_t)symbol;
        }
    }
}

/* §3.2.4: up to the next byte, length, its complement, bytes. */
static bool stream_expand_stored(struct stream *stream) {
    stream_take(stream, stream->window_bits % 8);
    stream_fill(stream);
    uint32_t length = stream_take(stream, 16);
    uint32_t complement = stream_take(stream, 16);
    if (length != (complement ^ 0xffff)) {
        return false;
    }
    for (; length > 0; length--) {
        stream_fill(stream);
        if (stream_is_short(stream) || stream->out == stream->target_end) {
            return false;
        }
        *stream->out++ = (uint8_t)stream_take(stream, 8);
    }
    return true;
}

static bool stream_expand_block(struct stream *stream, unsigned type) {
    switch (type) {
    case 0:
        return stream_expand_stored(stream);
    case 1:
        codes_build_fixed();
        return stream_expand_coded(stream);
    case 2:
        return codes_read(stream) && stream_expand_coded(stream);
    default:
        return false;
    }
}

const char *inflate(const uint8_t *source, size_t source_bytes, uint8_t *target,
                    size_t target_bytes) {
    struct stream stream = {.next = source,
                            .end = source + source_bytes,
                            .target = target,
                            .out = target,
                            .target_end = target + target_bytes};
    bool is_last = false;
    while (!is_last) {
        stream_fill(&stream);
        is_last = stream_take(&stream, 1) != 0;
        if (!stream_expand_block(&stream, stream_take(&stream, 2))) {
            return "damaged";
        }
        if (stream_is_short(&stream)) {
            return "cut short";
        }
    }
    return stream.out == stream.target_end ? NULL : "of another length than it should have";
}
