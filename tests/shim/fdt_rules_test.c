/*
 * shim/fdt.c on trees made by hand, a rule each: what is refused and with which
 * words, and what is taken from a tree that is unusual and right. Each tree
 * lies in a block of exactly its length, under the sanitizers.
 */
#include "check.h"

#include "../../shim/fdt.c"

#define KERNEL_BASE 0x80000000
#define BLOCK_MAX   16384

/* A tree in the making: its two blocks. */
static uint8_t structure[BLOCK_MAX];
static uint32_t structure_bytes;
static uint8_t strings[BLOCK_MAX];
static uint32_t strings_bytes;

static struct fdt_machine machine;

static void put_cell(uint8_t *bytes, uint32_t value) {
    for (unsigned i = 0; i < CELL_BYTES; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void cell(uint32_t value) {
    CHECK(structure_bytes + CELL_BYTES <= BLOCK_MAX);
    put_cell(structure + structure_bytes, value);
    structure_bytes += CELL_BYTES;
}

static void padded(const void *bytes, uint32_t length) {
    CHECK(structure_bytes + length + CELL_BYTES <= BLOCK_MAX);
    memset(structure + structure_bytes, 0, length + CELL_BYTES);
    memcpy(structure + structure_bytes, bytes, length);
    structure_bytes += (length + CELL_BYTES - 1) / CELL_BYTES * CELL_BYTES;
}

static void begin(const char *name) {
    cell(FDT_BEGIN_NODE);
    padded(name, (uint32_t)strlen(name) + 1);
}

static void end(void) {
    cell(FDT_END_NODE);
}

/* The first words of a property whose value has `length` bytes, or says so. */
static void property_head(const char *name, uint32_t length) {
    cell(FDT_PROP);
    cell(length);
    cell(strings_bytes);
    memcpy(strings + strings_bytes, name, strlen(name) + 1);
    strings_bytes += (uint32_t)strlen(name) + 1;
}

static void property(const char *name, const void *value, uint32_t length) {
    property_head(name, length);
    padded(value, length);
}

static void text(const char *name, const char *value) {
    property(name, value, (uint32_t)strlen(value) + 1);
}

static void cells(const char *name, unsigned count, const uint32_t *values) {
    property_head(name, count * CELL_BYTES);
    for (unsigned i = 0; i < count; i++) {
        cell(values[i]);
    }
}

#define CELLS(NAME, ...)                                                                           \
    cells(NAME, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), (uint32_t[]){__VA_ARGS__})

/* A new tree, its root open: two cells for an address and two for a size, as on
 * QEMU's virt. */
static void tree(void) {
    structure_bytes = 0;
    strings_bytes = 0;
    begin("");
    CELLS("#address-cells", 2);
    CELLS("#size-cells", 2);
}

static void device(const char *compatible, uint32_t base, uint32_t length) {
    begin("device");
    text("compatible", compatible);
    CELLS("reg", 0, base, 0, length);
    end();
}

/* Reads the tree as it is, without another word. Returns the fault, or NULL. */
static const char *read_as_it_is(void) {
    uint32_t total = HEADER_BYTES + structure_bytes + strings_bytes;
    uint8_t *blob = calloc(1, total);
    put_cell(blob, FDT_MAGIC);
    put_cell(blob + HEADER_TOTALSIZE, total);
    put_cell(blob + HEADER_OFF_DT_STRUCT, HEADER_BYTES);
    put_cell(blob + HEADER_SIZE_DT_STRUCT, structure_bytes);
    put_cell(blob + HEADER_OFF_DT_STRINGS, HEADER_BYTES + structure_bytes);
    put_cell(blob + HEADER_SIZE_DT_STRINGS, strings_bytes);
    put_cell(blob + HEADER_VERSION, FDT_VERSION);
    put_cell(blob + HEADER_LAST_COMP_VERSION, 16);
    memcpy(blob + HEADER_BYTES, structure, structure_bytes);
    memcpy(blob + HEADER_BYTES + structure_bytes, strings, strings_bytes);
    const char *fault = fdt_read(blob, total, KERNEL_BASE, &machine);
    free(blob);
    return fault;
}

/* Closes the root and reads. */
static const char *read_tree(void) {
    end();
    cell(FDT_END);
    return read_as_it_is();
}

static void check_fault(const char *fault, const char *wanted) {
    if (fault == NULL || strstr(fault, wanted) == NULL) {
        printf("fault is '%s', wanted '%s'\n", fault == NULL ? "none" : fault, wanted);
        exit(1);
    }
}

static void check_nesting(void) {
    for (unsigned depth = DEPTH_MAX; depth <= DEPTH_MAX + 1; depth++) {
        tree();
        for (unsigned i = 1; i < depth; i++) {
            begin("n");
        }
        for (unsigned i = 1; i < depth; i++) {
            end();
        }
        const char *fault = read_tree();
        CHECK((fault == NULL) == (depth == DEPTH_MAX));
        CHECK(fault == NULL || strstr(fault, "too deep") != NULL);
    }
}

static void check_tokens(void) {
    tree();
    structure_bytes = 0;
    cell(FDT_END_NODE);
    check_fault(read_as_it_is(), "a node ends that never began");
    structure_bytes = 0;
    property("reg", "", 0);
    cell(FDT_END);
    check_fault(read_as_it_is(), "property outside a node");
    tree();
    cell(FDT_END);
    check_fault(read_as_it_is(), "ends inside a node");
    tree();
    end();
    check_fault(read_as_it_is(), "no end token");
    tree();
    cell(7);
    check_fault(read_tree(), "unknown token");
    tree();
    begin("child");
    end();
    CELLS("late", 1);
    check_fault(read_tree(), "property outside a node");
    tree();
    cell(FDT_NOP);
    CHECK(read_tree() == NULL);
}

/* Ends the structure block `missing` bytes early, with an unfinished thing at
 * its end. */
static const char *read_short(uint32_t missing) {
    structure_bytes -= missing;
    return read_as_it_is();
}

static void check_ends(void) {
    static const uint32_t too_long[] = {1, 5, 0x7fffffff, 0xfffffffc, 0xfffffffd, 0xffffffff};
    for (unsigned i = 0; i < sizeof too_long / sizeof too_long[0]; i++) {
        tree();
        property_head("reg", too_long[i]);
        check_fault(read_as_it_is(), "property runs past the end");
    }
    for (uint32_t missing = 1; missing <= 3; missing++) {
        tree();
        property_head("reg", 4);
        cell(0);
        check_fault(read_short(missing), "property runs past the end");
        tree();
        property_head("reg", 0);
        check_fault(read_short(missing), "property header runs past the end");
        tree();
        begin("abc");
        check_fault(read_short(missing), "node name runs past the end");
        tree();
        end();
        cell(FDT_END);
        check_fault(read_short(missing), "no end token");
    }
    tree();
    property_head("reg", 0);
    strings_bytes--;
    check_fault(read_tree(), "property name outside the strings");
    tree();
    property_head("reg", 0);
    put_cell(structure + structure_bytes - CELL_BYTES, 0xffffffff);
    check_fault(read_tree(), "property name outside the strings");
}

static void check_windows(void) {
    for (unsigned count = FDT_WINDOWS_MAX; count <= FDT_WINDOWS_MAX + 1; count++) {
        tree();
        for (unsigned i = 0; i < count; i++) {
            device("virtio,mmio", 0x10001000 + i * 0x1000, 0x1000);
        }
        const char *fault = read_tree();
        CHECK(machine.window_count == FDT_WINDOWS_MAX);
        CHECK(machine.windows[0].base > machine.windows[1].base);
        CHECK((fault == NULL) == (count == FDT_WINDOWS_MAX));
    }
}

static const char *read_window(unsigned address_cells, unsigned size_cells, unsigned count,
                               const uint32_t *reg) {
    tree();
    begin("soc");
    CELLS("#address-cells", address_cells);
    CELLS("#size-cells", size_cells);
    begin("window");
    text("compatible", "virtio,mmio");
    cells("reg", count, reg);
    end();
    end();
    return read_tree();
}

#define READ_WINDOW(ADDRESS, SIZE, ...)                                                            \
    read_window(ADDRESS, SIZE, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),               \
                (uint32_t[]){__VA_ARGS__})

static void check_reg(void) {
    CHECK(READ_WINDOW(2, 2, 1, 2, 3, 4) == NULL);
    CHECK(machine.windows[0].base == 0x100000002 && machine.windows[0].length_bytes == 0x300000004);
    CHECK(READ_WINDOW(1, 1, 5, 6) == NULL);
    CHECK(machine.windows[0].base == 5 && machine.windows[0].length_bytes == 6);
    CHECK(READ_WINDOW(2, 2, 0xffffffff, 0xfffff000, 0, 0xfff) == NULL);
    check_fault(READ_WINDOW(2, 2, 0xffffffff, 0xfffff000, 0, 0x1000), "bad reg");
    check_fault(READ_WINDOW(2, 2, 0, 0x1000, 0, 0), "bad reg");
    check_fault(READ_WINDOW(2, 2, 0, 0x1000, 0), "bad reg");
    check_fault(READ_WINDOW(0, 2, 0, 0x1000, 0, 1), "bad reg");
    check_fault(READ_WINDOW(2, 0, 0, 0x1000, 0, 1), "bad reg");
    check_fault(READ_WINDOW(3, 1, 0, 0, 0x1000, 1), "bad reg");
    check_fault(READ_WINDOW(1, 3, 0x1000, 0, 0, 1), "bad reg");
}

/* A node that says nothing of cells gives its children two for an address and
 * one for a size. */
static void check_default_cells(void) {
    tree();
    begin("soc");
    begin("window");
    text("compatible", "virtio,mmio");
    CELLS("reg", 0, 0x10001000, 0x1000);
    end();
    end();
    CHECK(read_tree() == NULL);
    CHECK(machine.windows[0].base == 0x10001000 && machine.windows[0].length_bytes == 0x1000);
}

/* Of two devices of a kind the first counts, with its interrupt. */
static void check_first_counts(void) {
    static const char *const kinds[] = {"riscv,plic0", "riscv,clint0", "sifive,test0"};
    tree();
    for (unsigned i = 1; i <= 2; i++) {
        begin("uart");
        text("compatible", "ns16550a");
        CELLS("reg", 0, i * 0x1000, 0, 0x100);
        CELLS("interrupts", 10 * i);
        end();
        for (unsigned kind = 0; kind < 3; kind++) {
            device(kinds[kind], i * 0x100000 + kind * 0x10000, 0x10000);
        }
    }
    CHECK(read_tree() == NULL);
    CHECK(machine.uart.base == 0x1000 && machine.uart_irq == 10);
    CHECK(machine.plic.base == 0x100000 && machine.clint.base == 0x110000);
    CHECK(machine.finisher.base == 0x120000);
}

/* Each window has its interrupt; one without, and one whose value is cut short, has none. */
static void check_window_interrupts(void) {
    tree();
    for (unsigned i = 1; i <= 3; i++) {
        begin("window");
        text("compatible", "virtio,mmio");
        CELLS("reg", 0, i * 0x1000, 0, 0x1000);
        if (i != 2) {
            property("interrupts", "\0\0\0\7", i == 1 ? 4 : 3);
        }
        end();
    }
    CHECK(read_tree() == NULL);
    CHECK(machine.window_count == 3 && machine.window_irqs[0] == 7);
    CHECK(machine.window_irqs[1] == 0 && machine.window_irqs[2] == 0);
}

static void check_short_values(void) {
    tree();
    begin("uart");
    text("compatible", "ns16550a");
    CELLS("reg", 0, 0x1000, 0, 0x100);
    property("interrupts", "\0\12", 2);
    end();
    begin("chosen");
    property("bootargs", "no end", 6);
    end();
    CHECK(read_tree() == NULL);
    CHECK(machine.uart_irq == 0);
    CHECK(machine.boot_args == NULL && machine.boot_args_bytes == 0);
}

/* The memory that the kernel lies in, whichever of the nodes and entries it is.
 */
static void check_memory(void) {
    tree();
    begin("memory@0");
    text("device_type", "memory");
    CELLS("reg", 0, 0x1000, 0, 0x1000);
    end();
    begin("memory@1");
    text("device_type", "memory");
    CELLS("reg", 0, 0x40000000, 0, 0x40000000, 0, KERNEL_BASE, 0, 0x1000000, 1, 0, 0, 0x1000);
    end();
    begin("memory@2");
    text("device_type", "memory");
    CELLS("reg", 2, 0, 0, 0x1000, 0, 0x2000, 0, 0x1000);
    end();
    CHECK(read_tree() == NULL);
    CHECK(machine.memory.base == KERNEL_BASE && machine.memory.length_bytes == 0x1000000);
}

/* These names mean something below the root only. */
static void check_depth_of_names(void) {
    tree();
    begin("soc");
    begin("chosen");
    text("bootargs", "poweroff");
    end();
    begin("cpus");
    CELLS("timebase-frequency", 5);
    end();
    end();
    CHECK(read_tree() == NULL);
    CHECK(machine.boot_args == NULL && machine.timebase_hz == 0);
}

int main(void) {
    check_nesting();
    check_tokens();
    check_ends();
    check_windows();
    check_window_interrupts();
    check_reg();
    check_default_cells();
    check_first_counts();
    check_short_values();
    check_memory();
    check_depth_of_names();
    return 0;
}
