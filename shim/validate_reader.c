/*
 * How the validator reads a module: numbers in LEB128 no longer than their type allows, types,
 * counts and names. The first fault is kept; after it every reader returns 0 at once.
 */
#include "validate_state.h"

#include <stddef.h>

/* What shim/memory.c takes for a block beyond what was asked for, at most. */
#define BLOCK_OVERHEAD_BYTES 32

void validate_refuse(struct validation *v, const char *what) {
    if (is_well(v)) {
        v->fault = (struct validate_fault){what, (uint32_t)(v->at - v->start)};
    }
    v->at = v->end;
}

uint8_t validate_read_byte(struct validation *v) {
    if (v->at == v->end) {
        validate_refuse(v, "unexpected end");
        return 0;
    }
    return *v->at++;
}

uint32_t validate_read_u32(struct validation *v) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = validate_read_byte(v);
        if (shift == 28 && byte > 0x0f) {
            break;
        }
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    validate_refuse(v, "malformed number");
    return 0;
}

/* Whether the last byte of a signed number, `left` bits of which count, repeats the sign in the
 * others. */
static bool ends_signed(uint8_t byte, unsigned left) {
    uint8_t signs = (uint8_t)(byte >> (left - 1));
    return signs == 0 || signs == 0x7f >> (left - 1);
}

int64_t validate_read_signed(struct validation *v, unsigned bits) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = validate_read_byte(v);
        if (bits - shift < 7 && !ends_signed(byte, bits - shift)) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            uint64_t sign = (uint64_t)(byte >> 6 & 1);
            return (int64_t)(shift + 7 < 64 ? value | -sign << (shift + 7) : value);
        }
    }
    validate_refuse(v, "malformed number");
    return 0;
}

uint8_t validate_read_type(struct validation *v) {
    uint8_t type = validate_read_byte(v);
    if (type != TYPE_I32 && type != TYPE_I64) {
        validate_refuse(v, "not a supported value type");
    }
    return type;
}

uint32_t validate_read_count(struct validation *v, uint32_t maximum, const char *what) {
    uint32_t count = validate_read_u32(v);
    if (count > maximum || count > (size_t)(v->end - v->at)) {
        validate_refuse(v, what);
        return 0;
    }
    return count;
}

const uint8_t *validate_skip(struct validation *v, uint32_t length_bytes) {
    const uint8_t *start = v->at;
    if (length_bytes > (size_t)(v->end - v->at)) {
        validate_refuse(v, "unexpected end");
        return start;
    }
    v->at += length_bytes;
    return start;
}

const uint8_t *validate_read_name(struct validation *v, uint32_t *length_bytes) {
    *length_bytes = validate_read_count(v, NAME_BYTES_MAX, "name too long");
    const uint8_t *name = validate_skip(v, *length_bytes);
    for (uint32_t i = 0; is_well(v) && i < *length_bytes; i++) {
        if (name[i] < 0x20 || name[i] > 0x7e) {
            validate_refuse(v, "name is not printable");
        }
    }
    validate_charge(v, *length_bytes + 1);
    return name;
}

void validate_charge(struct validation *v, uint64_t length_bytes) {
    v->heap_bytes += length_bytes + BLOCK_OVERHEAD_BYTES;
}
