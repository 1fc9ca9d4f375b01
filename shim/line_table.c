/*
 * The line table, which scripts/line_table.ts makes of the source map of a module.
 *
 * It says nothing of offsets: it counts the marked instructions of a function, those at which
 * wasm3 may report a failure, and the module itself says where they are. A row is a run of them
 * that comes from one line. Numbers are LEB128; there are four parts behind the head, so that each
 * compresses well:
 *
 *     head    the lengths of names, steps and files in bytes
 *     names   of the files, each with a zero byte behind it
 *     steps   for each function its number of rows, then for each of them but the first, which
 *             begins with the function, the marked instructions since the row before it
 *     files   a byte for each row: how many files have been used since this one was used last
 *     lines   for each row the change since the last row of the same file, as 2n or -2n - 1
 *
 * Nothing of it is trusted: a reader at its end gives zeros, and a table that does not fit its
 * module gives a wrong line or none.
 */
#include "line_table.h"

#define FILES_MAX 255

#define MODULE_HEAD_BYTES 8
#define SECTION_CODE      10

#define OP_UNREACHABLE   0x00
#define OP_BLOCK         0x02
#define OP_LOOP          0x03
#define OP_IF            0x04
#define OP_BR            0x0c
#define OP_BR_IF         0x0d
#define OP_BR_TABLE      0x0e
#define OP_CALL          0x10
#define OP_CALL_INDIRECT 0x11
#define OP_LOCAL_GET     0x20
#define OP_GLOBAL_SET    0x24
#define OP_LOAD_FIRST    0x28
#define OP_STORE_LAST    0x3e
#define OP_MEMORY_SIZE   0x3f
#define OP_I64_CONST     0x42
#define OP_I32_DIV_S     0x6d
#define OP_I32_REM_U     0x70
#define OP_I64_DIV_S     0x7f
#define OP_I64_REM_U     0x82
#define OP_BULK          0xfc
#define BULK_COPY        10

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

struct rows {
    struct reader steps;
    struct reader files;
    struct reader lines;
    uint8_t recent[FILES_MAX]; /* files, the last used one first */
    uint32_t line[FILES_MAX];  /* by file, that of its last row */
    uint8_t file;              /* of the last row */
};

static bool is_at_end(const struct reader *reader) {
    return reader->at == reader->end;
}

static uint8_t read_byte(struct reader *reader) {
    return is_at_end(reader) ? 0 : *reader->at++;
}

static uint32_t read_number(struct reader *reader) {
    uint64_t value = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; byte >= 0x80; shift += 7) {
        byte = read_byte(reader);
        value |= shift < 32 ? (uint64_t)(byte & 0x7f) << shift : 0;
    }
    return (uint32_t)value;
}

/* Splits off the next `length` bytes, or what is left. */
static struct reader read_part(struct reader *reader, uint32_t length) {
    size_t left = (size_t)(reader->end - reader->at);
    const uint8_t *start = reader->at;
    reader->at += length < left ? length : left;
    return (struct reader){start, reader->at};
}

static bool is_between(uint8_t op, uint8_t first, uint8_t last) {
    return op >= first && op <= last;
}

/* The same list is in scripts/module_lines.ts. */
static bool is_marked(uint8_t op) {
    return op == OP_UNREACHABLE || op == OP_LOOP || op == OP_CALL || op == OP_CALL_INDIRECT ||
           op == OP_BULK || is_between(op, OP_LOAD_FIRST, OP_STORE_LAST) ||
           is_between(op, OP_I32_DIV_S, OP_I32_REM_U) || is_between(op, OP_I64_DIV_S, OP_I64_REM_U);
}

/* How many numbers follow an opcode; the type of a block is one. */
static uint32_t count_immediates(uint8_t op, struct reader *code) {
    if (op == OP_BR_TABLE) {
        return read_number(code) + 1;
    }
    if (op == OP_BULK) {
        return read_number(code) == BULK_COPY ? 2 : 1;
    }
    if (op == OP_CALL_INDIRECT || is_between(op, OP_LOAD_FIRST, OP_STORE_LAST)) {
        return 2;
    }
    return is_between(op, OP_BLOCK, OP_IF) || op == OP_BR || op == OP_BR_IF || op == OP_CALL ||
           is_between(op, OP_LOCAL_GET, OP_GLOBAL_SET) ||
           is_between(op, OP_MEMORY_SIZE, OP_I64_CONST);
}

static void skip_locals(struct reader *body) {
    for (uint32_t groups = read_number(body); groups != 0 && !is_at_end(body); groups--) {
        read_number(body);
        read_byte(body);
    }
}

/* The marked instructions that begin before `end`. */
static uint32_t count_marked(struct reader body, const uint8_t *end) {
    uint32_t count = 0;
    skip_locals(&body);
    while (body.at < end) {
        uint8_t op = read_byte(&body);
        count += is_marked(op);
        for (uint32_t left = count_immediates(op, &body); left != 0 && body.at < end; left--) {
            read_number(&body);
        }
    }
    return count;
}

static struct reader find_code(struct line_bytes module) {
    struct reader reader = {module.start, module.start + module.length};
    read_part(&reader, MODULE_HEAD_BYTES);
    while (!is_at_end(&reader)) {
        uint8_t section = read_byte(&reader);
        struct reader content = read_part(&reader, read_number(&reader));
        if (section == SECTION_CODE) {
            return content;
        }
    }
    return reader;
}

/* Takes the next row's file and line. */
static void read_place(struct rows *rows) {
    unsigned rank = read_byte(&rows->files);
    uint32_t change = read_number(&rows->lines);
    rank = rank < FILES_MAX ? rank : 0;
    rows->file = rows->recent[rank];
    for (; rank > 0; rank--) {
        rows->recent[rank] = rows->recent[rank - 1];
    }
    rows->recent[0] = rows->file;
    rows->line[rows->file] += change >> 1 ^ -(change & 1);
}

/* Takes the rows of the next function, up to that of its marked instruction `index`. False when it
 * has none. */
static bool read_rows(struct rows *rows, uint32_t index) {
    uint32_t count = read_number(&rows->steps);
    uint64_t first = 0;
    for (uint32_t i = 0; i < count && !is_at_end(&rows->files); i++) {
        first += i == 0 ? 0 : read_number(&rows->steps);
        if (first > index) {
            break;
        }
        read_place(rows);
    }
    return count != 0;
}

static const char *find_name(struct reader names, uint32_t index) {
    const uint8_t *name = names.at;
    while (!is_at_end(&names)) {
        if (read_byte(&names) != 0) {
            continue;
        }
        if (index-- == 0) {
            return (const char *)name;
        }
        name = names.at;
    }
    return NULL;
}

static struct reader rows_init(struct rows *rows, struct line_bytes table) {
    struct reader reader = {table.start, table.start + table.length};
    uint32_t names_bytes = read_number(&reader);
    uint32_t steps_bytes = read_number(&reader);
    uint32_t files_bytes = read_number(&reader);
    struct reader names = read_part(&reader, names_bytes);
    rows->steps = read_part(&reader, steps_bytes);
    rows->files = read_part(&reader, files_bytes);
    rows->lines = reader;
    for (unsigned file = 0; file < FILES_MAX; file++) {
        rows->recent[file] = (uint8_t)file;
        rows->line[file] = 0;
    }
    rows->file = 0;
    return names;
}

bool line_table_find(struct line_bytes table, struct line_bytes module, uint32_t offset,
                     struct line_place *place) {
    struct rows rows;
    struct reader names = rows_init(&rows, table);
    struct reader code = find_code(module);
    for (uint32_t count = read_number(&code); count != 0 && !is_at_end(&code); count--) {
        struct reader body = read_part(&code, read_number(&code));
        bool is_here = offset >= (size_t)(body.at - module.start) &&
                       offset < (size_t)(body.end - module.start);
        uint32_t marked = is_here ? count_marked(body, module.start + offset + 1) : UINT32_MAX;
        bool has_rows = read_rows(&rows, marked == 0 ? 0 : marked - 1);
        if (is_here) {
            place->file = find_name(names, rows.file);
            place->line = rows.line[rows.file];
            return has_rows && place->file != NULL;
        }
    }
    return false;
}
