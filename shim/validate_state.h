/*
 * What the parts of the validator share: where it reads, what it knows of the module so far, and
 * every limit. For validate*.c alone.
 *
 * The limits follow from what wasm3 has room for: a value that one of them lets through fits
 * wasm3's own arrays (512 values a function, locals among them; 1024 slots), the margin of its
 * stack (WASM_STACK_MARGIN_SLOTS) and the reserve of the native one (STACK_RESERVE_BYTES).
 */
#ifndef TSBLK_VALIDATE_STATE_H
#define TSBLK_VALIDATE_STATE_H

#include "memlayout.h"
#include "validate.h"

#include <stdbool.h>
#include <stdint.h>

#define TYPES_MAX         256
#define PARAMS_MAX        200
#define IMPORTS_MAX       64
#define FUNCTIONS_MAX     4096 /* imported ones among them */
#define TABLE_MAX         1024
#define GLOBALS_MAX       1024
#define EXPORTS_MAX       64
#define ELEMENTS_MAX      64
#define DATA_SEGMENTS_MAX 4096
#define TARGETS_MAX       4096 /* of one br_table, the default aside */
#define NAME_BYTES_MAX    512
#define MEMORY_PAGES_MAX  65536
#define MEMORY_PAGE_BYTES 65536

/* In one function: parameters and locals; values on the stack, with one more for each block around
 * them that has a result; blocks inside each other, the body among them; loops, wherever they are,
 * because wasm3 keeps a native stack frame for each one it has come past. */
#define LOCALS_MAX  256
#define VALUES_MAX  240
#define NESTING_MAX 200
#define LOOPS_MAX   128

/* See struct validate_cost. */
#define STEPS_MAX 20000000

/* Value types as they are written in a module. */
#define TYPE_I32  0x7f
#define TYPE_I64  0x7e
#define TYPE_NONE 0x40

struct validate_type {
    const uint8_t *params;
    uint8_t param_count;
    uint8_t result; /* TYPE_NONE when there is none */
};

struct validate_global {
    uint8_t type;
    bool is_mutable;
};

struct validation {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end; /* of the section or the body that is read now */
    struct validate_fault fault;

    uint32_t type_count;
    uint32_t import_count;
    uint32_t function_count;
    uint32_t global_count;
    uint32_t export_count;
    uint32_t body_count;
    uint32_t data_count;
    uint32_t announced_data_count;
    uint32_t table_length;
    uint64_t memory_bytes;
    bool has_table;
    bool has_memory;
    bool has_data_count;

    uint64_t code_words; /* that wasm3 emits, at most */
    uint64_t heap_bytes; /* of everything but code */
    uint64_t steps;
    uint32_t else_depth; /* the most `else` inside each other: each holds a code page */

    struct validate_type types[TYPES_MAX];
    uint8_t function_types[FUNCTIONS_MAX];
    struct validate_global globals[GLOBALS_MAX];
    struct {
        const uint8_t *text;
        uint32_t length_bytes;
    } exports[EXPORTS_MAX];
};

_Static_assert(TYPES_MAX <= 256, "function_types holds type indices in bytes");

/* Notes `what` as wrong at the place that is read now, unless something was wrong before, and ends
 * the reading: from here on the readers return 0, and loops over what is read must ask is_well. */
void validate_refuse(struct validation *v, const char *what);

static inline bool is_well(const struct validation *v) {
    return v->fault.what == 0;
}

uint8_t validate_read_byte(struct validation *v);
uint32_t validate_read_u32(struct validation *v);

/* A signed number of `bits` bits, sign-extended. */
int64_t validate_read_signed(struct validation *v, unsigned bits);

/* A value type. */
uint8_t validate_read_type(struct validation *v);

/* A count, refused as `what` above `maximum`, which is also the most there are bytes for. */
uint32_t validate_read_count(struct validation *v, uint32_t maximum, const char *what);

/* Moves on by `length_bytes` and returns where they start. */
const uint8_t *validate_skip(struct validation *v, uint32_t length_bytes);

/* A name: printable ASCII, for wasm3 prints it in a backtrace. */
const uint8_t *validate_read_name(struct validation *v, uint32_t *length_bytes);

/* Accounts for an allocation of wasm3's. */
void validate_charge(struct validation *v, uint64_t length_bytes);

/* The body of function `index` in [at, end). See validate_code.c. */
void validate_body(struct validation *v, uint32_t index);

#endif
