/* File and line of TypeScript behind an instruction of a module. See line_table.c. */
#ifndef TSBLK_LINE_TABLE_H
#define TSBLK_LINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_bytes {
    const uint8_t *start;
    size_t length;
};

struct line_place {
    const char *file; /* in the table, ends with a zero byte */
    uint32_t line;
};

/*
 * Finds the place of the byte at `offset` of the module in its line table: that of the marked
 * instruction which begins there, or of the last one before it in the same function. False when the
 * table has none. Whatever table and module hold, nothing is read past their ends.
 */
bool line_table_find(struct line_bytes table, struct line_bytes module, uint32_t offset,
                     struct line_place *place);

#endif
