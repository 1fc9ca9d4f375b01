/*
 * The validator: what stands between the bytes of a module and wasm3, which has none. One pass over
 * the module, static memory, no recursion. What passes is valid WebAssembly 1.0, core
 * specification, chapters 3 and 5, and stricter than that:
 *
 *   features    integers only, with sign extension and memory.copy and memory.fill; no memory.grow,
 *               no second result, no block with parameters
 *   sections    one memory of fixed size; at most one table; only functions are imported; no start
 *               function; only active segments, at a constant offset, inside memory or table
 *   code        nothing after an unconditional branch but the end of the block: what wasm3 does
 *               with code that is never reached is the least certain part of it
 *   names       printable ASCII everywhere, in the name section too, which wasm3 reads
 *   limits      those of validate_state.h; the heap and the steps that wasm3's compiler may need
 */
#include "memlayout.h"
#include "validate_state.h"

#include <m3_env.h>
#include <string.h>

#define SECTION_CUSTOM     0
#define SECTION_DATA_COUNT 12

#define KIND_FUNCTION 0
#define KIND_TABLE    1
#define KIND_MEMORY   2
#define KIND_GLOBAL   3

#define FORM_FUNCTION 0x60
#define ELEMENT_FUNC  0x70

#define OP_END       0x0b
#define OP_I32_CONST 0x41
#define OP_I64_CONST 0x42

#define NAME_SUBSECTION_FUNCTIONS 1

/* Left in the heap for the stack of values, what wasm3 makes for itself, and a backtrace. */
#define HEAP_RESERVE_BYTES (WASM_STACK_BYTES + 0x50000)

/* Sections by their place, from 1, in the only order they may come in. */
static const uint8_t section_places[] = {[1] = 1, [2] = 2, [3] = 3,  [4] = 4,   [5] = 5,  [6] = 6,
                                         [7] = 7, [9] = 8, [12] = 9, [10] = 10, [11] = 11};

static struct validation state;

static void read_type_section(struct validation *v) {
    v->type_count = validate_read_count(v, TYPES_MAX, "too many types");
    for (uint32_t i = 0; is_well(v) && i < v->type_count; i++) {
        if (validate_read_byte(v) != FORM_FUNCTION) {
            validate_refuse(v, "not a function type");
        }
        struct validate_type *type = &v->types[i];
        type->param_count = (uint8_t)validate_read_count(v, PARAMS_MAX, "too many parameters");
        type->params = v->at;
        for (uint32_t param = 0; is_well(v) && param < type->param_count; param++) {
            validate_read_type(v);
        }
        bool has_result = validate_read_count(v, 1, "more than one result") != 0;
        type->result = has_result ? validate_read_type(v) : TYPE_NONE;
        validate_charge(v, sizeof(M3FuncType) + PARAMS_MAX + 1 + sizeof(IM3FuncType));
    }
}

static void add_function(struct validation *v) {
    uint32_t type = validate_read_u32(v);
    if (type >= v->type_count) {
        validate_refuse(v, "no such type");
    } else if (v->function_count == FUNCTIONS_MAX) {
        validate_refuse(v, "too many functions");
    } else {
        v->function_types[v->function_count++] = (uint8_t)type;
        validate_charge(v, 2 * sizeof(M3Function));
    }
}

static void read_import_section(struct validation *v) {
    uint32_t length_bytes;
    v->import_count = validate_read_count(v, IMPORTS_MAX, "too many imports");
    for (uint32_t i = 0; is_well(v) && i < v->import_count; i++) {
        validate_read_name(v, &length_bytes);
        validate_read_name(v, &length_bytes);
        if (validate_read_byte(v) != KIND_FUNCTION) {
            validate_refuse(v, "imports something else than a function");
        }
        add_function(v);
    }
}

static void read_function_section(struct validation *v) {
    uint32_t count = validate_read_count(v, FUNCTIONS_MAX, "too many functions");
    for (uint32_t i = 0; is_well(v) && i < count; i++) {
        add_function(v);
    }
}

/* Limits of a table or memory: the smallest size, after the largest, if any, was compared. */
static uint32_t read_limits(struct validation *v, uint32_t maximum, bool is_fixed) {
    uint8_t flags = validate_read_byte(v);
    uint32_t initial = validate_read_u32(v);
    uint32_t last = (flags & 1) != 0 ? validate_read_u32(v) : initial;
    if (flags > 1 || initial > maximum || last < initial) {
        validate_refuse(v, "limits out of range");
    }
    if (is_fixed && (flags == 0 || last != initial || initial == 0)) {
        validate_refuse(v, "memory must be its own and of one fixed size");
    }
    return initial;
}

static void read_table_section(struct validation *v) {
    v->has_table = validate_read_count(v, 1, "more than one table") != 0;
    if (v->has_table) {
        if (validate_read_byte(v) != ELEMENT_FUNC) {
            validate_refuse(v, "not a table of functions");
        }
        v->table_length = read_limits(v, TABLE_MAX, false);
        validate_charge(v, 2 * sizeof(IM3Function) * v->table_length);
    }
}

static void read_memory_section(struct validation *v) {
    v->has_memory = validate_read_count(v, 1, "more than one memory") != 0;
    if (v->has_memory) {
        v->memory_bytes = (uint64_t)read_limits(v, MEMORY_PAGES_MAX, true) * MEMORY_PAGE_BYTES;
    }
}

/* A constant of type `type` and the end of the expression. */
static int64_t read_constant(struct validation *v, uint8_t type) {
    uint8_t op = validate_read_byte(v);
    if (op != (type == TYPE_I32 ? OP_I32_CONST : OP_I64_CONST)) {
        validate_refuse(v, "not a constant of the right type");
    }
    int64_t value = validate_read_signed(v, type == TYPE_I32 ? 32 : 64);
    if (validate_read_byte(v) != OP_END) {
        validate_refuse(v, "constant does not end");
    }
    return value;
}

static void read_global_section(struct validation *v) {
    v->global_count = validate_read_count(v, GLOBALS_MAX, "too many globals");
    for (uint32_t i = 0; is_well(v) && i < v->global_count; i++) {
        uint8_t type = validate_read_type(v);
        uint8_t mutability = validate_read_byte(v);
        if (mutability > 1) {
            validate_refuse(v, "not a mutability");
        }
        v->globals[i] = (struct validate_global){type, mutability == 1};
        read_constant(v, type);
        /* wasm3 makes the array anew for each. */
        validate_charge(v, 4 * sizeof(M3Global));
    }
}

static void check_export(struct validation *v, uint8_t kind, uint32_t index) {
    uint32_t counts[] = {[KIND_FUNCTION] = v->function_count,
                         [KIND_TABLE] = v->has_table,
                         [KIND_MEMORY] = v->has_memory,
                         [KIND_GLOBAL] = v->global_count};
    if (kind > KIND_GLOBAL || index >= counts[kind]) {
        validate_refuse(v, "exports what is not there");
    }
}

static void check_export_name(struct validation *v, const uint8_t *text, uint32_t length_bytes) {
    for (uint32_t i = 0; i < v->export_count; i++) {
        if (v->exports[i].length_bytes == length_bytes &&
            memcmp(v->exports[i].text, text, length_bytes) == 0) {
            validate_refuse(v, "two exports of one name");
        }
    }
    v->exports[v->export_count].text = text;
    v->exports[v->export_count++].length_bytes = length_bytes;
}

static void read_export_section(struct validation *v) {
    uint32_t count = validate_read_count(v, EXPORTS_MAX, "too many exports");
    for (uint32_t i = 0; is_well(v) && i < count; i++) {
        uint32_t length_bytes;
        const uint8_t *text = validate_read_name(v, &length_bytes);
        uint8_t kind = validate_read_byte(v);
        check_export(v, kind, validate_read_u32(v));
        if (is_well(v)) {
            check_export_name(v, text, length_bytes);
        }
    }
}

static void read_element_section(struct validation *v) {
    uint32_t count = validate_read_count(v, ELEMENTS_MAX, "too many element segments");
    for (uint32_t i = 0; is_well(v) && i < count; i++) {
        if (validate_read_byte(v) != 0 || !v->has_table) {
            validate_refuse(v, "not a segment of the table");
        }
        int64_t offset = read_constant(v, TYPE_I32);
        uint32_t length = validate_read_count(v, TABLE_MAX, "segment outside the table");
        if (offset < 0 || offset + length > v->table_length) {
            validate_refuse(v, "segment outside the table");
        }
        for (uint32_t element = 0; is_well(v) && element < length; element++) {
            if (validate_read_u32(v) >= v->function_count) {
                validate_refuse(v, "no such function");
            }
        }
    }
}

static void read_data_count_section(struct validation *v) {
    v->has_data_count = true;
    v->announced_data_count = validate_read_u32(v);
}

static void read_code_section(struct validation *v) {
    const uint8_t *section_end = v->end;
    uint32_t count = validate_read_count(v, FUNCTIONS_MAX, "too many bodies");
    if (count != v->function_count - v->import_count) {
        validate_refuse(v, "not one body for each function");
    }
    for (; is_well(v) && v->body_count < count; v->body_count++) {
        uint32_t length_bytes = validate_read_u32(v);
        const uint8_t *body = validate_skip(v, length_bytes);
        if (is_well(v)) {
            v->at = body;
            v->end = body + length_bytes;
            validate_body(v, v->import_count + v->body_count);
            v->end = section_end;
        }
    }
}

static void read_data_section(struct validation *v) {
    v->data_count = validate_read_count(v, DATA_SEGMENTS_MAX, "too many data segments");
    for (uint32_t i = 0; is_well(v) && i < v->data_count; i++) {
        if (validate_read_byte(v) != 0 || !v->has_memory) {
            validate_refuse(v, "not a segment of the memory");
        }
        int64_t offset = read_constant(v, TYPE_I32);
        uint32_t length_bytes = validate_read_u32(v);
        if (offset < 0 || (uint64_t)offset + length_bytes > v->memory_bytes) {
            validate_refuse(v, "segment outside the memory");
        }
        validate_skip(v, length_bytes);
        validate_charge(v, sizeof(M3DataSegment));
    }
}

/* The names of functions; other kinds of names wasm3 skips, so their inside does not count. */
static void read_function_names(struct validation *v) {
    uint32_t length_bytes;
    uint32_t count = validate_read_count(v, FUNCTIONS_MAX, "too many names");
    for (uint32_t i = 0; is_well(v) && i < count; i++) {
        validate_read_u32(v);
        validate_read_name(v, &length_bytes);
    }
}

static void read_name_subsection(struct validation *v) {
    const uint8_t *section_end = v->end;
    uint8_t kind = validate_read_byte(v);
    uint32_t length_bytes = validate_read_u32(v);
    const uint8_t *content = validate_skip(v, length_bytes);
    if (is_well(v) && kind == NAME_SUBSECTION_FUNCTIONS) {
        v->at = content;
        v->end = content + length_bytes;
        read_function_names(v);
        if (v->at != v->end) {
            validate_refuse(v, "names do not fill their section");
        }
        v->end = section_end;
    }
    if (kind >= 0x80) {
        validate_refuse(v, "malformed number");
    }
}

static void read_custom_section(struct validation *v) {
    uint32_t length_bytes;
    const uint8_t *name = validate_read_name(v, &length_bytes);
    if (is_well(v) && length_bytes == 4 && memcmp(name, "name", 4) == 0) {
        do {
            read_name_subsection(v);
        } while (is_well(v) && v->at != v->end);
    }
    v->at = v->end;
}

static void read_section(struct validation *v, uint8_t id) {
    static void (*const readers[])(struct validation *) = {
        [0] = read_custom_section,   [1] = read_type_section,   [2] = read_import_section,
        [3] = read_function_section, [4] = read_table_section,  [5] = read_memory_section,
        [6] = read_global_section,   [7] = read_export_section, [9] = read_element_section,
        [10] = read_code_section,    [11] = read_data_section,  [12] = read_data_count_section,
    };
    readers[id](v);
    if (v->at != v->end) {
        validate_refuse(v, "section is longer than what is in it");
    }
}

/* Every section in turn, each at most once and in order. */
static void read_sections(struct validation *v, const uint8_t *module_end) {
    uint8_t last_place = 0;
    while (is_well(v) && v->at != module_end) {
        uint8_t id = validate_read_byte(v);
        uint32_t length_bytes = validate_read_u32(v);
        uint8_t place = id < sizeof section_places ? section_places[id] : 0;
        if (id != SECTION_CUSTOM && place <= last_place) {
            validate_refuse(v, "unknown or misplaced section");
        }
        last_place = id == SECTION_CUSTOM ? last_place : place;
        const uint8_t *content = validate_skip(v, length_bytes);
        if (is_well(v)) {
            v->at = content;
            v->end = content + length_bytes;
            read_section(v, id);
            v->end = module_end;
        }
    }
}

/* What holds between sections. */
static void check_whole(struct validation *v) {
    if (v->body_count != v->function_count - v->import_count) {
        validate_refuse(v, "not one body for each function");
    }
    if (v->has_data_count && v->announced_data_count != v->data_count) {
        validate_refuse(v, "not the announced number of data segments");
    }
    if (!v->has_memory) {
        validate_refuse(v, "memory must be its own and of one fixed size");
    }
}

/*
 * Words of code lie in pages, with as much again for the map back to the module. A page is left for
 * the next one when it has no room for an instruction; the pages of an `if` are held while its
 * `else` is compiled into another.
 */
static uint64_t code_heap_bytes(const struct validation *v) {
    uint64_t page_words = (d_m3CodePageAlignSize - sizeof(M3CodePageHeader)) / sizeof(code_t);
    uint64_t usable_words = page_words - 2 * (d_m3CodePageFreeLinesThreshold + 2);
    uint64_t pages = v->code_words / usable_words + v->else_depth + 4;
    return pages * 2 * (d_m3CodePageAlignSize + 64);
}

struct validate_fault validate_module(const uint8_t *bytes, uint32_t length_bytes,
                                      struct validate_cost *cost) {
    static const uint8_t head[] = {0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00};
    struct validation *v = &state;
    memset(v, 0, sizeof *v);
    v->start = bytes;
    v->at = bytes;
    v->end = bytes + length_bytes;
    if (length_bytes > MODULE_BYTES_MAX) {
        validate_refuse(v, "module too long");
    } else if (length_bytes < sizeof head || memcmp(bytes, head, sizeof head) != 0) {
        validate_refuse(v, "not a WebAssembly module");
    }
    if (is_well(v)) {
        v->at += sizeof head;
        read_sections(v, v->end);
        check_whole(v);
    }
    uint64_t heap_bytes = v->heap_bytes + code_heap_bytes(v);
    if (heap_bytes > HEAP_BYTES - HEAP_RESERVE_BYTES) {
        validate_refuse(v, "code too large for the heap");
    }
    if (v->steps > STEPS_MAX) {
        validate_refuse(v, "code too slow to compile");
    }
    if (cost != NULL) {
        *cost = (struct validate_cost){heap_bytes, v->steps};
    }
    return v->fault;
}
