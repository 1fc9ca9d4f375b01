/*
 * The validator's judgement of function bodies: the algorithm of the core specification's appendix,
 * made simpler by what validate.c refuses, and an account of what wasm3 will emit for the body.
 *
 * One pass with two stacks, the types of the values and the blocks that are open. Code that cannot
 * be reached is refused, so a value's type is always known.
 */
#include "validate_body.h"

#include <m3_env.h>
#include <string.h>

#define OP_NOP         0x01
#define OP_DROP        0x1a
#define OP_SELECT      0x1b
#define OP_LOCAL_GET   0x20
#define OP_LOCAL_SET   0x21
#define OP_LOCAL_TEE   0x22
#define OP_GLOBAL_GET  0x23
#define OP_GLOBAL_SET  0x24
#define OP_MEMORY_SIZE 0x3f
#define OP_I32_CONST   0x41
#define OP_I64_CONST   0x42
#define OP_BULK        0xfc
#define BULK_COPY      10
#define BULK_FILL      11

#define WORDS_BODY       3
#define WORDS_ASSIGNMENT 4
#define WORDS_CONSTANT   3

#define CONSTANTS_IN_TABLE (d_m3MaxConstantTableSize - 1)

/* Of a numeric instruction, load or store: how it is read, from and to which types, and for loads
 * and stores the largest alignment, as a power of two. */
enum form {
    FORM_REFUSED,
    FORM_UNARY,
    FORM_BINARY,
    FORM_LOAD,
    FORM_STORE,
};

#define SHAPE(FORM, FROM, TO, ALIGN)                                                               \
    ((FORM) << 4 | ((FROM) == TYPE_I64) << 3 | ((TO) == TYPE_I64) << 2 | (ALIGN))
#define UNARY(FROM, TO)    SHAPE(FORM_UNARY, TYPE_##FROM, TYPE_##TO, 0)
#define BINARY(FROM, TO)   SHAPE(FORM_BINARY, TYPE_##FROM, TYPE_##TO, 0)
#define LOAD(TO, ALIGN)    SHAPE(FORM_LOAD, TYPE_I32, TYPE_##TO, ALIGN)
#define STORE(FROM, ALIGN) SHAPE(FORM_STORE, TYPE_##FROM, TYPE_I32, ALIGN)
#define SHAPE_FORM(SHAPE)  ((SHAPE) >> 4)
#define SHAPE_FROM(SHAPE)  (((SHAPE) & 8) != 0 ? TYPE_I64 : TYPE_I32)
#define SHAPE_TO(SHAPE)    (((SHAPE) & 4) != 0 ? TYPE_I64 : TYPE_I32)
#define SHAPE_ALIGN(SHAPE) ((SHAPE) & 3)

static const uint8_t shapes[256] = {
    [0x28] = LOAD(I32, 2),
    [0x29] = LOAD(I64, 3),
    [0x2c ... 0x2d] = LOAD(I32, 0),
    [0x2e ... 0x2f] = LOAD(I32, 1),
    [0x30 ... 0x31] = LOAD(I64, 0),
    [0x32 ... 0x33] = LOAD(I64, 1),
    [0x34 ... 0x35] = LOAD(I64, 2),
    [0x36] = STORE(I32, 2),
    [0x37] = STORE(I64, 3),
    [0x3a] = STORE(I32, 0),
    [0x3b] = STORE(I32, 1),
    [0x3c] = STORE(I64, 0),
    [0x3d] = STORE(I64, 1),
    [0x3e] = STORE(I64, 2),
    [0x45] = UNARY(I32, I32),           /* eqz */
    [0x46 ... 0x4f] = BINARY(I32, I32), /* eq to ge_u */
    [0x50] = UNARY(I64, I32),
    [0x51 ... 0x5a] = BINARY(I64, I32),
    [0x67 ... 0x69] = UNARY(I32, I32),  /* clz, ctz, popcnt */
    [0x6a ... 0x78] = BINARY(I32, I32), /* add to rotr */
    [0x79 ... 0x7b] = UNARY(I64, I64),
    [0x7c ... 0x8a] = BINARY(I64, I64),
    [0xa7] = UNARY(I64, I32),          /* wrap */
    [0xac ... 0xad] = UNARY(I32, I64), /* extend */
    [0xc0 ... 0xc1] = UNARY(I32, I32), /* extend8_s, extend16_s */
    [0xc2 ... 0xc4] = UNARY(I64, I64),
};

/* Words beside the operation itself: slots of the operands, and the offset of a load or store. */
static const uint8_t form_words[] = {
    [FORM_UNARY] = 1, [FORM_BINARY] = 2, [FORM_LOAD] = 2, [FORM_STORE] = 3};

static struct body state;

static void do_local(struct body *b, uint8_t op) {
    uint32_t local = validate_read_u32(b->v);
    if (local >= b->local_count) {
        validate_refuse(b->v, "no such local");
        return;
    }
    if (op != OP_LOCAL_GET) {
        b->v->steps += b->height + innermost(b)->results;
        pop(b, b->locals[local]);
    }
    if (op != OP_LOCAL_SET) {
        push(b, b->locals[local]);
    }
    emit(b, op == OP_LOCAL_GET ? 0 : WORDS_ASSIGNMENT);
}

static void do_global(struct body *b, uint8_t op) {
    uint32_t index = validate_read_u32(b->v);
    if (index >= b->v->global_count) {
        validate_refuse(b->v, "no such global");
        return;
    }
    const struct validate_global *global = &b->v->globals[index];
    if (op == OP_GLOBAL_GET) {
        push(b, global->type);
    } else if (!global->is_mutable) {
        validate_refuse(b->v, "sets an immutable global");
    } else {
        pop(b, global->type);
    }
    emit(b, WORDS_ASSIGNMENT);
}

static void do_constant(struct body *b, uint8_t op) {
    validate_read_signed(b->v, op == OP_I32_CONST ? 32 : 64);
    push(b, op == OP_I32_CONST ? TYPE_I32 : TYPE_I64);
    emit(b, ++b->constant_count <= CONSTANTS_IN_TABLE ? 1 : WORDS_CONSTANT);
}

/* memory.copy and memory.fill, with the index of the only memory once for each memory they name. */
static void do_bulk(struct body *b) {
    uint8_t op = validate_read_byte(b->v);
    if (op != BULK_COPY && op != BULK_FILL) {
        validate_refuse(b->v, "not a supported instruction");
    }
    if (validate_read_byte(b->v) != 0 || (op == BULK_COPY && validate_read_byte(b->v) != 0)) {
        validate_refuse(b->v, "no such memory");
    }
    pop(b, TYPE_I32);
    pop(b, TYPE_I32);
    pop(b, TYPE_I32);
    emit(b, 2 * WORDS_MOVE + 3);
}

static void do_select(struct body *b) {
    pop(b, TYPE_I32);
    uint8_t type = pop_any(b);
    pop(b, type);
    push(b, type);
    emit(b, WORDS_MOVE + 4);
}

static void do_numeric(struct body *b, uint8_t op) {
    uint8_t shape = shapes[op];
    unsigned form = SHAPE_FORM(shape);
    if (form == FORM_REFUSED) {
        validate_refuse(b->v, "not a supported instruction");
        return;
    }
    if (form == FORM_LOAD || form == FORM_STORE) {
        if (validate_read_u32(b->v) > SHAPE_ALIGN(shape)) {
            validate_refuse(b->v, "alignment larger than the access");
        }
        validate_read_u32(b->v);
    }
    pop(b, SHAPE_FROM(shape));
    if (form == FORM_BINARY) {
        pop(b, SHAPE_FROM(shape));
    } else if (form == FORM_STORE) {
        pop(b, TYPE_I32);
    }
    if (form != FORM_STORE) {
        push(b, SHAPE_TO(shape));
    }
    emit(b, WORDS_MOVE + 1u + form_words[form]);
}

static void do_memory_size(struct body *b) {
    if (validate_read_byte(b->v) != 0) {
        validate_refuse(b->v, "no such memory");
    }
    push(b, TYPE_I32);
    emit(b, WORDS_MOVE + 1);
}

static void do_plain(struct body *b, uint8_t op) {
    switch (op) {
    case OP_NOP:
        break;
    case OP_LOCAL_GET:
    case OP_LOCAL_SET:
    case OP_LOCAL_TEE:
        do_local(b, op);
        break;
    case OP_GLOBAL_GET:
    case OP_GLOBAL_SET:
        do_global(b, op);
        break;
    case OP_I32_CONST:
    case OP_I64_CONST:
        do_constant(b, op);
        break;
    case OP_DROP:
        pop_any(b);
        break;
    case OP_SELECT:
        do_select(b);
        break;
    case OP_MEMORY_SIZE:
        do_memory_size(b);
        break;
    case OP_BULK:
        do_bulk(b);
        break;
    default:
        do_numeric(b, op);
    }
}

/* The parameters, then the locals that the body declares. */
static void read_locals(struct body *b) {
    struct validation *v = b->v;
    memcpy(b->locals, b->type->params, b->type->param_count);
    b->local_count = b->type->param_count;
    uint32_t groups = validate_read_count(v, LOCALS_MAX, "too many locals");
    for (uint32_t i = 0; is_well(v) && i < groups; i++) {
        uint32_t count = validate_read_u32(v);
        uint8_t type = validate_read_type(v);
        if (count > LOCALS_MAX - b->local_count) {
            validate_refuse(v, "too many locals");
            return;
        }
        memset(b->locals + b->local_count, type, count);
        b->local_count += count;
    }
}

void validate_body(struct validation *v, uint32_t index) {
    struct body *b = &state;
    b->v = v;
    b->type = &v->types[v->function_types[index]];
    b->height = 0;
    b->depth = 0;
    b->loop_count = 0;
    b->constant_count = 0;
    b->else_depth = 0;
    read_locals(b);
    validate_open_block(b, OP_BLOCK, b->type->result);
    emit(b, WORDS_BODY);
    while (is_well(v) && b->depth != 0) {
        uint8_t op = validate_read_byte(v);
        if (innermost(b)->is_left && op != OP_END && op != OP_ELSE) {
            validate_refuse(v, "code that is never reached");
        }
        if (!validate_control(b, op)) {
            do_plain(b, op);
        }
    }
    if (v->at != v->end) {
        validate_refuse(v, "body is longer than its function");
    }
}
