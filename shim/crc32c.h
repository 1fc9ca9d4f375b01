/* CRC32C, for the module to borrow: the same sum in the module itself is many times slower. */
#ifndef TSBLK_CRC32C_H
#define TSBLK_CRC32C_H

#include <stdint.h>

/* Computes the tables. Called once, before the first sum. */
void crc32c_init(void);

/* The CRC32C of bytes behind those that have the CRC32C `seed`, which is 0 for the first ones. */
uint32_t crc32c(uint32_t seed, const uint8_t *bytes, uint64_t length_bytes);

#endif
