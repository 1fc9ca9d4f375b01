/*
 * One walk over a flattened device tree (Devicetree Specification v0.4, §5), taking down the few
 * devices the kernel uses. Every offset and length in it is checked against the block it must lie
 * in; a tree that breaks a rule is refused with the rule's name. A device that is absent is no
 * error here.
 *
 * Addresses are taken as they stand: a bus that translates (`ranges` with something in it) is not
 * understood. Of several devices of a kind the first counts; of virtio,mmio windows all do.
 */
#include "fdt.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define FDT_MAGIC      0xd00dfeed
#define FDT_VERSION    17
#define FDT_BEGIN_NODE 1
#define FDT_END_NODE   2
#define FDT_PROP       3
#define FDT_NOP        4
#define FDT_END        9

#define HEADER_BYTES             40
#define HEADER_TOTALSIZE         4
#define HEADER_OFF_DT_STRUCT     8
#define HEADER_OFF_DT_STRINGS    12
#define HEADER_VERSION           20
#define HEADER_LAST_COMP_VERSION 24
#define HEADER_SIZE_DT_STRINGS   32
#define HEADER_SIZE_DT_STRUCT    36

#define CELL_BYTES 4
#define DEPTH_MAX  16

struct bytes {
    const uint8_t *data;
    uint32_t length_bytes;
};

/* The properties that matter, of the node being read. A property that is absent has no data. */
struct node {
    struct bytes name;
    struct bytes compatible;
    struct bytes device_type;
    struct bytes reg;
    struct bytes interrupts;
    struct bytes bootargs;
    struct bytes timebase_frequency;
};

/* How a node's children write their `reg`. */
struct cells {
    uint32_t address;
    uint32_t size;
};

struct walk {
    struct bytes structure;
    struct bytes strings;
    uint32_t offset; /* into the structure block */
    uint32_t depth;  /* of the open node: the root's is 1 */
    bool is_pending; /* the open node's properties are not used yet */
    struct cells cells[DEPTH_MAX + 1];
    struct node node;
    uint64_t kernel_base;
    struct fdt_machine *machine;
};

static uint32_t be32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Whether a NUL ends a string at `offset` of `block`, and if so which. */
static bool block_string(struct bytes block, uint32_t offset, struct bytes *string) {
    for (uint32_t end = offset; end < block.length_bytes; end++) {
        if (block.data[end] == '\0') {
            *string = (struct bytes){block.data + offset, end - offset};
            return true;
        }
    }
    return false;
}

static bool bytes_equal(struct bytes bytes, const char *text) {
    return bytes.data != NULL && bytes.length_bytes == strlen(text) &&
           memcmp(bytes.data, text, bytes.length_bytes) == 0;
}

/* Whether the list of NUL-terminated strings in `list` has `text`. */
static bool list_has(struct bytes list, const char *text) {
    struct bytes entry;
    for (uint32_t offset = 0; block_string(list, offset, &entry);
         offset += entry.length_bytes + 1) {
        if (bytes_equal(entry, text)) {
            return true;
        }
    }
    return false;
}

static uint32_t bytes_cell(struct bytes bytes) {
    return bytes.length_bytes >= CELL_BYTES ? be32(bytes.data) : 0;
}

static uint64_t read_cells(const uint8_t *data, uint32_t count) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        value = value << 32 | be32(data + (size_t)i * CELL_BYTES);
    }
    return value;
}

/* Entry `index` of `reg`; false when there is none, or it does not fit 64 bits, wraps or is empty.
 */
static bool walk_region(const struct walk *walk, uint32_t index, struct fdt_region *region) {
    struct cells cells = walk->cells[walk->depth - 1];
    if (cells.address < 1 || cells.address > 2 || cells.size < 1 || cells.size > 2) {
        return false;
    }
    uint64_t entry_bytes = (uint64_t)(cells.address + cells.size) * CELL_BYTES;
    if ((index + 1) * entry_bytes > walk->node.reg.length_bytes) {
        return false;
    }
    const uint8_t *entry = walk->node.reg.data + index * entry_bytes;
    region->base = read_cells(entry, cells.address);
    region->length_bytes = read_cells(entry + (size_t)cells.address * CELL_BYTES, cells.size);
    return region->base + region->length_bytes > region->base;
}

static const char *walk_take_first(const struct walk *walk, struct fdt_region *region) {
    if (region->length_bytes != 0) {
        return NULL;
    }
    return walk_region(walk, 0, region) ? NULL : "device tree: bad reg of a device";
}

static const char *walk_take_memory(struct walk *walk) {
    struct fdt_region region;
    for (uint32_t i = 0; walk_region(walk, i, &region); i++) {
        /* Regions do not wrap, so below one the difference is larger than any length. */
        if (walk->kernel_base - region.base < region.length_bytes) {
            walk->machine->memory = region;
        }
    }
    return NULL;
}

/* Keeps the windows by descending base: QEMU fills its slots from the highest address down. */
static const char *walk_take_window(struct walk *walk) {
    struct fdt_machine *machine = walk->machine;
    struct fdt_region window;
    if (machine->window_count == FDT_WINDOWS_MAX) {
        return "device tree: more than 32 virtio,mmio windows";
    }
    if (!walk_region(walk, 0, &window)) {
        return "device tree: bad reg of a virtio,mmio window";
    }
    machine->window_irqs[machine->window_count] = bytes_cell(walk->node.interrupts);
    uint32_t place = machine->window_count++;
    for (; place > 0 && machine->windows[place - 1].base < window.base; place--) {
        machine->windows[place] = machine->windows[place - 1];
    }
    machine->windows[place] = window;
    return NULL;
}

static const char *walk_take_uart(struct walk *walk) {
    if (walk->machine->uart.length_bytes == 0) {
        walk->machine->uart_irq = bytes_cell(walk->node.interrupts);
    }
    return walk_take_first(walk, &walk->machine->uart);
}

static void walk_take_numbers(struct walk *walk) {
    if (walk->depth == 2 && bytes_equal(walk->node.name, "cpus")) {
        walk->machine->timebase_hz = bytes_cell(walk->node.timebase_frequency);
    }
    if (walk->depth == 2 && bytes_equal(walk->node.name, "chosen")) {
        struct bytes text = {NULL, 0};
        if (block_string(walk->node.bootargs, 0, &text)) {
            walk->machine->boot_args = (const char *)text.data;
            walk->machine->boot_args_bytes = text.length_bytes;
        }
    }
}

/* All properties of the open node are known: the format has them before the child nodes. */
static const char *walk_take_node(struct walk *walk) {
    struct fdt_machine *machine = walk->machine;
    struct bytes compatible = walk->node.compatible;
    walk->is_pending = false;
    walk_take_numbers(walk);
    if (list_has(walk->node.device_type, "memory")) {
        return walk_take_memory(walk);
    }
    if (list_has(compatible, "virtio,mmio")) {
        return walk_take_window(walk);
    }
    if (list_has(compatible, "ns16550a")) {
        return walk_take_uart(walk);
    }
    if (list_has(compatible, "riscv,clint0") || list_has(compatible, "sifive,clint0")) {
        return walk_take_first(walk, &machine->clint);
    }
    if (list_has(compatible, "riscv,plic0") || list_has(compatible, "sifive,plic-1.0.0")) {
        return walk_take_first(walk, &machine->plic);
    }
    if (list_has(compatible, "sifive,test0")) {
        return walk_take_first(walk, &machine->finisher);
    }
    return NULL;
}

static bool walk_cell(struct walk *walk, uint32_t *cell) {
    if (walk->structure.length_bytes - walk->offset < CELL_BYTES) {
        return false;
    }
    *cell = be32(walk->structure.data + walk->offset);
    walk->offset += CELL_BYTES;
    return true;
}

/* Moves past `length_bytes` and the padding after them. */
static bool walk_skip(struct walk *walk, uint32_t length_bytes) {
    uint64_t padded = ((uint64_t)length_bytes + CELL_BYTES - 1) / CELL_BYTES * CELL_BYTES;
    if (padded > walk->structure.length_bytes - walk->offset) {
        return false;
    }
    walk->offset += (uint32_t)padded;
    return true;
}

static const char *walk_begin_node(struct walk *walk) {
    const char *fault = walk->is_pending ? walk_take_node(walk) : NULL;
    struct bytes name;
    if (fault != NULL) {
        return fault;
    }
    if (walk->depth == DEPTH_MAX) {
        return "device tree: too deep";
    }
    if (!block_string(walk->structure, walk->offset, &name) ||
        !walk_skip(walk, name.length_bytes + 1)) {
        return "device tree: node name runs past the end";
    }
    walk->depth++;
    walk->cells[walk->depth] = (struct cells){2, 1}; /* what the specification assumes */
    walk->node = (struct node){.name = name};
    walk->is_pending = true;
    return NULL;
}

static const char *walk_end_node(struct walk *walk) {
    if (walk->depth == 0) {
        return "device tree: a node ends that never began";
    }
    const char *fault = walk->is_pending ? walk_take_node(walk) : NULL;
    walk->depth--;
    return fault;
}

static void walk_keep_property(struct walk *walk, struct bytes name, struct bytes value) {
    struct node *node = &walk->node;
    const struct {
        const char *name;
        struct bytes *keep;
    } wanted[] = {
        {"compatible", &node->compatible},
        {"device_type", &node->device_type},
        {"reg", &node->reg},
        {"interrupts", &node->interrupts},
        {"bootargs", &node->bootargs},
        {"timebase-frequency", &node->timebase_frequency},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (bytes_equal(name, wanted[i].name)) {
            *wanted[i].keep = value;
        }
    }
    if (bytes_equal(name, "#address-cells")) {
        walk->cells[walk->depth].address = bytes_cell(value);
    }
    if (bytes_equal(name, "#size-cells")) {
        walk->cells[walk->depth].size = bytes_cell(value);
    }
}

static const char *walk_property(struct walk *walk) {
    uint32_t length_bytes;
    uint32_t name_offset;
    struct bytes name;
    if (!walk->is_pending) {
        return "device tree: property outside a node";
    }
    if (!walk_cell(walk, &length_bytes) || !walk_cell(walk, &name_offset)) {
        return "device tree: property header runs past the end";
    }
    if (!block_string(walk->strings, name_offset, &name)) {
        return "device tree: property name outside the strings";
    }
    struct bytes value = {walk->structure.data + walk->offset, length_bytes};
    if (!walk_skip(walk, length_bytes)) {
        return "device tree: property runs past the end";
    }
    walk_keep_property(walk, name, value);
    return NULL;
}

static const char *walk_tree(struct walk *walk) {
    const char *fault = NULL;
    uint32_t token;
    while (fault == NULL) {
        if (!walk_cell(walk, &token)) {
            return "device tree: no end token";
        }
        switch (token) {
        case FDT_BEGIN_NODE:
            fault = walk_begin_node(walk);
            break;
        case FDT_END_NODE:
            fault = walk_end_node(walk);
            break;
        case FDT_PROP:
            fault = walk_property(walk);
            break;
        case FDT_NOP:
            break;
        case FDT_END:
            return walk->depth == 0 ? NULL : "device tree: ends inside a node";
        default:
            fault = "device tree: unknown token";
        }
    }
    return fault;
}

/* The block that the header says lies at `offset`; false when it leaves the tree. */
static bool header_block(const uint8_t *header, uint32_t offset, uint32_t length_bytes,
                         struct bytes *block) {
    *block = (struct bytes){header + offset, length_bytes};
    return (uint64_t)offset + length_bytes <= be32(header + HEADER_TOTALSIZE);
}

const char *fdt_read(const void *blob, uint64_t limit_bytes, uint64_t kernel_base,
                     struct fdt_machine *machine) {
    const uint8_t *header = blob;
    struct walk walk = {.kernel_base = kernel_base, .machine = machine};
    *machine = (struct fdt_machine){.boot_args = NULL};
    if (limit_bytes < HEADER_BYTES || be32(header) != FDT_MAGIC) {
        return "device tree: no device tree where it should be";
    }
    if (be32(header + HEADER_TOTALSIZE) > limit_bytes) {
        return "device tree: too long";
    }
    if (be32(header + HEADER_VERSION) < FDT_VERSION ||
        be32(header + HEADER_LAST_COMP_VERSION) > FDT_VERSION) {
        return "device tree: unknown version";
    }
    if (!header_block(header, be32(header + HEADER_OFF_DT_STRUCT),
                      be32(header + HEADER_SIZE_DT_STRUCT), &walk.structure) ||
        !header_block(header, be32(header + HEADER_OFF_DT_STRINGS),
                      be32(header + HEADER_SIZE_DT_STRINGS), &walk.strings)) {
        return "device tree: a block lies outside the tree";
    }
    return walk_tree(&walk);
}
