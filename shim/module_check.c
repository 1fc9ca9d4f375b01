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

void module_check_hash(const uint8_t *bytes, const struct module_head *head) {
    uint32_t found = crc32c(0, bytes, head->length_bytes);
    if (found != head->crc32c) {
        panic_begin();
        print_text("module: damaged: CRC32C ");
        print_hex(found, 1);
        print_text(" instead of ");
        print_hex(head->crc32c, 1);
        panic_end();
    }
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
