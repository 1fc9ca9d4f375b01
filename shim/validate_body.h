/*
 * A function body while it is judged: the values on the stack, the blocks that are open, and the
 * account of what wasm3 will emit. For validate_code.c and validate_control.c.
 */
#ifndef TSBLK_VALIDATE_BODY_H
#define TSBLK_VALIDATE_BODY_H

#include "validate_state.h"

#include <stdbool.h>
#include <stdint.h>

#define OP_BLOCK 0x02
#define OP_ELSE  0x05
#define OP_END   0x0b

/*
 * Words of code that wasm3 emits, at most. A value that another one drives out of the register is
 * moved to a slot (WORDS_MOVE); a value is copied from slot to slot (WORDS_COPY). Reading a local
 * emits nothing, nor does a constant that has room in the function's table of them.
 */
#define WORDS_MOVE 2
#define WORDS_COPY 3

/* An open block. */
struct frame {
    uint8_t op;
    uint8_t result;
    bool is_left;     /* by an unconditional branch: nothing but its end may follow */
    uint16_t height;  /* values below the block */
    uint16_t results; /* of the blocks around it and its own: wasm3 holds a place for each */
};

struct body {
    struct validation *v;
    const struct validate_type *type;
    uint32_t local_count;
    uint32_t height;
    uint32_t depth; /* open blocks; the body itself is the first */
    uint32_t loop_count;
    uint32_t constant_count;
    uint32_t else_depth;
    uint8_t locals[LOCALS_MAX];
    uint8_t values[VALUES_MAX];
    struct frame frames[NESTING_MAX];
};

static inline void emit(struct body *b, uint32_t words) {
    b->v->code_words += words;
}

static inline struct frame *innermost(struct body *b) {
    return &b->frames[b->depth - 1];
}

static inline void push(struct body *b, uint8_t type) {
    if (type == TYPE_NONE) {
        return;
    }
    if (b->height + innermost(b)->results >= VALUES_MAX) {
        validate_refuse(b->v, "too many values");
        return;
    }
    b->values[b->height++] = type;
}

static inline uint8_t pop_any(struct body *b) {
    if (b->height == innermost(b)->height) {
        validate_refuse(b->v, "value missing");
        return TYPE_I32;
    }
    return b->values[--b->height];
}

static inline void pop(struct body *b, uint8_t type) {
    if (type != TYPE_NONE && pop_any(b) != type) {
        validate_refuse(b->v, "value of the wrong type");
    }
}

/* Opens a block that yields `result`; the body itself is the first. */
void validate_open_block(struct body *b, uint8_t op, uint8_t result);

/* Judges a control instruction or a call. Returns false when `op` is neither. */
bool validate_control(struct body *b, uint8_t op);

#endif
