/*
 * The two questions that stand between the module and wasm3: is it the one that was built into the
 * kernel, and is it one that wasm3 can be trusted with.
 *
 * The first is answered by a CRC32C, because it is about damage: whoever can forge the module in
 * the kernel can forge its hash beside it, so a cryptographic one would cost ten times the time and
 * keep nobody out. The second is answered by validate.c, whatever the first one says.
 */
#include "crc32c.h"
#include "module_check.h"
#include "panic.h"
#include "print.h"
#include "validate.h"

#include <stddef.h>
#include <string.h>

/* What scripts/compress_module.ts puts before the compressed module, little endian. */
struct module_head {
    uint32_t length_bytes;
    uint32_t crc32c;
};

extern const uint8_t module_compressed[];

static void print_differences(const char *what, uint32_t found, uint32_t expected) {
    print_text(what);
    print_hex(found, 1);
    print_text(" instead of ");
    print_hex(expected, 1);
}

void module_check_hash(const uint8_t *bytes, uint32_t length_bytes) {
    struct module_head head;
    memcpy(&head, module_compressed, sizeof head);
    crc32c_init();
    uint32_t found = crc32c(0, bytes, length_bytes);
    if (length_bytes == head.length_bytes && found == head.crc32c) {
        return;
    }
    panic_begin();
    print_text("module: damaged: ");
    if (length_bytes != head.length_bytes) {
        print_differences("length ", length_bytes, head.length_bytes);
    } else {
        print_differences("CRC32C ", found, head.crc32c);
    }
    panic_end();
}

void module_check(const uint8_t *bytes, uint32_t length_bytes) {
    struct validate_fault fault = validate_module(bytes, length_bytes, NULL);
    if (fault.what != NULL) {
        panic_begin();
        print_text("module: ");
        print_text(fault.what);
        print_text(" at byte ");
        print_hex(fault.offset, 1);
        panic_end();
    }
}
