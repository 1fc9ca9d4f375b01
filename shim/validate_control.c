/*
 * The validator's judgement of blocks, branches and calls.
 *
 * wasm3 compiles a block by recursion and holds a code page for each `else`, so both are bounded
 * here; see also validate_state.h.
 */
#include "validate_body.h"

#define OP_UNREACHABLE   0x00
#define OP_LOOP          0x03
#define OP_IF            0x04
#define OP_BR            0x0c
#define OP_BR_IF         0x0d
#define OP_BR_TABLE      0x0e
#define OP_RETURN        0x0f
#define OP_CALL          0x10
#define OP_CALL_INDIRECT 0x11

#define WORDS_BRANCH    2
#define WORDS_CALL      (WORDS_MOVE + 5)
#define WORDS_CONDITION (2 * WORDS_MOVE + 3)
#define WORDS_TABLE     (WORDS_MOVE + 3)

static uint32_t words_carried(uint8_t type) {
    return type == TYPE_NONE ? 0 : WORDS_COPY;
}

void validate_open_block(struct body *b, uint8_t op, uint8_t result) {
    if (b->depth == NESTING_MAX) {
        validate_refuse(b->v, "blocks nested too deep");
        return;
    }
    unsigned outer_results = b->depth == 0 ? 0 : innermost(b)->results;
    unsigned results = outer_results + (b->depth != 0 && result != TYPE_NONE);
    b->frames[b->depth++] = (struct frame){
        .op = op, .result = result, .height = (uint16_t)b->height, .results = (uint16_t)results};
}

/* Nothing that follows in this block is reached. */
static void leave(struct body *b) {
    innermost(b)->is_left = true;
    b->height = innermost(b)->height;
}

static void check_block_end(struct body *b) {
    const struct frame *frame = innermost(b);
    if (!frame->is_left) {
        pop(b, frame->result);
    }
    if (b->height != frame->height) {
        validate_refuse(b->v, "values left at the end of a block");
    }
}

/*
 * wasm3 looks for each local among the values whenever a block begins, and copies those it finds,
 * so that the block may change the local.
 */
static void do_block(struct body *b, uint8_t op) {
    uint8_t result = validate_read_byte(b->v);
    if (result != TYPE_NONE && result != TYPE_I32 && result != TYPE_I64) {
        validate_refuse(b->v, "not a supported block type");
    }
    if (op == OP_IF) {
        pop(b, TYPE_I32);
    }
    if (op == OP_LOOP && ++b->loop_count > LOOPS_MAX) {
        validate_refuse(b->v, "too many loops in one function");
    }
    uint32_t held = b->height + innermost(b)->results;
    b->v->steps += (uint64_t)held * b->local_count;
    emit(b, WORDS_CONDITION + b->height * WORDS_COPY);
    validate_open_block(b, op, result);
}

static void do_else(struct body *b) {
    struct frame *frame = innermost(b);
    if (frame->op != OP_IF) {
        validate_refuse(b->v, "else without if");
    }
    check_block_end(b);
    frame->op = OP_ELSE;
    frame->is_left = false;
    if (++b->else_depth > b->v->else_depth) {
        b->v->else_depth = b->else_depth;
    }
    emit(b, WORDS_BRANCH + words_carried(frame->result));
}

static void do_end(struct body *b) {
    const struct frame *frame = innermost(b);
    if (frame->op == OP_IF && frame->result != TYPE_NONE) {
        validate_refuse(b->v, "if with a result needs an else");
    }
    check_block_end(b);
    b->else_depth -= frame->op == OP_ELSE;
    emit(b, words_carried(frame->result));
    if (--b->depth != 0) {
        push(b, frame->result);
    }
}

/* The type a branch to the block that is `label` blocks out carries. */
static uint8_t read_label(struct body *b) {
    uint32_t label = validate_read_u32(b->v);
    if (label >= b->depth) {
        validate_refuse(b->v, "no such block");
        return TYPE_NONE;
    }
    const struct frame *target = &b->frames[b->depth - 1 - label];
    return target->op == OP_LOOP ? TYPE_NONE : target->result;
}

static void do_branch_table(struct body *b) {
    struct validation *v = b->v;
    uint32_t count = validate_read_count(v, TARGETS_MAX, "too many targets");
    uint8_t carried = read_label(b);
    for (uint32_t i = 0; is_well(v) && i < count; i++) {
        if (read_label(b) != carried) {
            validate_refuse(v, "targets of different types");
        }
    }
    pop(b, TYPE_I32);
    pop(b, carried);
    /* A table is emitted whole, into a new page where it does not fit. */
    emit(b, 2 * (WORDS_TABLE + count) + (count + 1) * (WORDS_BRANCH + words_carried(carried)));
    v->steps += (count + 1ull) * b->depth;
    leave(b);
}

static void do_branch(struct body *b, uint8_t op) {
    emit(b, WORDS_CONDITION + WORDS_BRANCH + WORDS_COPY);
    b->v->steps += b->depth;
    if (op == OP_BR) {
        pop(b, read_label(b));
        leave(b);
    } else if (op == OP_BR_IF) {
        uint8_t carried = read_label(b);
        pop(b, TYPE_I32);
        pop(b, carried);
        push(b, carried);
    } else if (op == OP_RETURN) {
        pop(b, b->type->result);
        leave(b);
    } else {
        leave(b);
    }
}

static void call_type(struct body *b, const struct validate_type *type) {
    for (uint32_t i = type->param_count; is_well(b->v) && i > 0; i--) {
        pop(b, type->params[i - 1]);
    }
    emit(b, WORDS_CALL + (uint32_t)type->param_count * WORDS_COPY);
    push(b, type->result);
}

static void do_call(struct body *b) {
    struct validation *v = b->v;
    uint32_t function = validate_read_u32(v);
    if (function >= v->function_count) {
        validate_refuse(v, "no such function");
        return;
    }
    call_type(b, &v->types[v->function_types[function]]);
}

static void do_call_indirect(struct body *b) {
    struct validation *v = b->v;
    uint32_t type = validate_read_u32(v);
    if (type >= v->type_count) {
        validate_refuse(v, "no such type");
        return;
    }
    if (validate_read_byte(v) != 0 || !v->has_table) {
        validate_refuse(v, "no such table");
    }
    pop(b, TYPE_I32);
    call_type(b, &v->types[type]);
}

bool validate_control(struct body *b, uint8_t op) {
    switch (op) {
    case OP_BLOCK:
    case OP_LOOP:
    case OP_IF:
        do_block(b, op);
        return true;
    case OP_ELSE:
        do_else(b);
        return true;
    case OP_END:
        do_end(b);
        return true;
    case OP_UNREACHABLE:
    case OP_BR:
    case OP_BR_IF:
    case OP_RETURN:
        do_branch(b, op);
        return true;
    case OP_BR_TABLE:
        do_branch_table(b);
        return true;
    case OP_CALL:
        do_call(b);
        return true;
    case OP_CALL_INDIRECT:
        do_call_indirect(b);
        return true;
    default:
        return false;
    }
}
