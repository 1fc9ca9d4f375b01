/* Whether the module may be given to wasm3. See module_check.c. */
#ifndef TSBLK_MODULE_CHECK_H
#define TSBLK_MODULE_CHECK_H

#include <stdint.h>

/*
 * Compares the module in `bytes` with the length and the CRC32C that the kernel holds of it. A
 * difference is a panic. Cheap enough for every new instance.
 */
void module_check_hash(const uint8_t *bytes, uint32_t length_bytes);

/* Validates the module in `bytes`. Whatever is wrong with it is a panic that says what and where.
 * Once is enough for bytes whose hash stays the same. */
void module_check(const uint8_t *bytes, uint32_t length_bytes);

#endif
