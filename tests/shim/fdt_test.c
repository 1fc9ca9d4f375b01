/*
 * shim/fdt.c under the sanitizers. With a tree as argument: prints what it
 * says, one `name=value` a line, then feeds the reader that tree cut short at
 * every length and with random bytes changed. It may refuse them or not, but
 * each lies in a block of exactly its length, so a read past the end is caught;
 * so is a window that wraps.
 */
#include "check.h"

#include "../../shim/fdt.c"

#define MUTATIONS   3000
#define CHANGES_MAX 4
#define KERNEL_BASE 0x80000000

static uint8_t *copy_of(const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length == 0 ? 1 : length);
    memcpy(copy, bytes, length);
    return copy;
}

static void put_be32(uint8_t *bytes, uint32_t value) {
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void check_region(struct fdt_region region) {
    CHECK(region.length_bytes == 0 || region.base + region.length_bytes > region.base);
}

static const char *check_read(const uint8_t *bytes, size_t length) {
    struct fdt_machine machine;
    const char *fault = fdt_read(bytes, length, KERNEL_BASE, &machine);
    if (fault != NULL) {
        return fault;
    }
    check_region(machine.memory);
    check_region(machine.uart);
    CHECK(machine.window_count <= FDT_WINDOWS_MAX);
    for (uint32_t i = 0; i < machine.window_count; i++) {
        check_region(machine.windows[i]);
        CHECK(i == 0 || machine.windows[i - 1].base >= machine.windows[i].base);
    }
    for (uint32_t i = 0; i < machine.boot_args_bytes; i++) {
        CHECK(machine.boot_args[i] != '\0');
    }
    return NULL;
}

/* Cut off: as it is, and with a header that admits it. */
static void check_truncated(const uint8_t *tree, size_t length) {
    for (size_t kept = 0; kept < length; kept++) {
        uint8_t *copy = copy_of(tree, kept);
        CHECK(check_read(copy, kept) != NULL);
        if (kept >= HEADER_BYTES) {
            put_be32(copy + HEADER_TOTALSIZE, (uint32_t)kept);
            check_read(copy, kept);
        }
        free(copy);
    }
}

static void check_mutated(const uint8_t *tree, size_t length) {
    for (unsigned i = 0; i < MUTATIONS; i++) {
        uint8_t *copy = copy_of(tree, length);
        uint64_t changes = 1 + random_below(CHANGES_MAX);
        while (changes-- > 0) {
            /* Half of them in the header and the first nodes, where they do most. */
            size_t place = random_below(random_below(2) == 0 ? 512 : length);
            copy[place] = (uint8_t)random_below(256);
        }
        check_read(copy, length);
        free(copy);
    }
}

static void print_region(const char *name, struct fdt_region region) {
    printf("%s=0x%llx+0x%llx\n", name, (unsigned long long)region.base,
           (unsigned long long)region.length_bytes);
}

static void print_machine(const uint8_t *tree, size_t length) {
    struct fdt_machine machine;
    const char *fault = fdt_read(tree, length, KERNEL_BASE, &machine);
    if (fault != NULL) {
        printf("%s\n", fault);
        exit(1);
    }
    print_region("memory", machine.memory);
    print_region("uart", machine.uart);
    print_region("clint", machine.clint);
    print_region("plic", machine.plic);
    print_region("finisher", machine.finisher);
    printf("uart_irq=%u\ntimebase_hz=%u\n", machine.uart_irq, machine.timebase_hz);
    printf("boot_args=%.*s\n", (int)machine.boot_args_bytes,
           machine.boot_args_bytes == 0 ? "" : machine.boot_args);
    for (uint32_t i = 0; i < machine.window_count; i++) {
        print_region("window", machine.windows[i]);
        printf("window_irq=%u\n", machine.window_irqs[i]);
    }
}

/* The tree without the free room that may follow its last block. */
static size_t used_bytes(const uint8_t *tree) {
    size_t structure = be32(tree + HEADER_OFF_DT_STRUCT) + be32(tree + HEADER_SIZE_DT_STRUCT);
    size_t strings = be32(tree + HEADER_OFF_DT_STRINGS) + be32(tree + HEADER_SIZE_DT_STRINGS);
    return structure > strings ? structure : strings;
}

int main(int count, char **arguments) {
    static uint8_t tree[1 << 21];
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    CHECK(file != NULL);
    CHECK(fread(tree, 1, sizeof tree, file) >= HEADER_BYTES);
    fclose(file);
    random_init();
    size_t length = used_bytes(tree);
    put_be32(tree + HEADER_TOTALSIZE, (uint32_t)length);
    uint8_t *exact = copy_of(tree, length);
    print_machine(exact, length);
    check_truncated(exact, length);
    check_mutated(exact, length);
    free(exact);
    return 0;
}
