/* Whether the module may be given to wasm3. See module_check.c. */
#ifndef TSBLK_MODULE_CHECK_H
#define TSBLK_MODULE_CHECK_H

#include <stdint.h>

/* What scripts/compress_module.ts puts before the compressed module, little endian. */
struct module_head {
    uint32_t length_bytes;
    uint32_t crc32c;
};

/* Compares the module in `bytes`, as long as `head` says, with the CRC32C that the kernel holds of
 * it. A difference is a panic. */
void module_check_hash(const uint8_t *bytes, const struct module_head *head);

/* Validates the module in `bytes`. Whatever is wrong with it is a panic that says what and where.
 * Once is enough for bytes whose hash stays the same. */
void module_check(const uint8_t *bytes, uint32_t length_bytes);

#endif
