/* CRC32C, eight bytes at a time with eight tables (slicing by eight). */
#include "crc32c.h"

#define POLYNOMIAL      0x82f63b78u
#define BYTES_AT_A_TIME 8

/* A word that may lie over any bytes. */
typedef uint64_t __attribute__((may_alias)) word_of_bytes;

static uint32_t tables[BYTES_AT_A_TIME][256];

void crc32c_init(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
        }
        tables[0][byte] = crc;
    }
    for (int table = 1; table < BYTES_AT_A_TIME; table++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
}

uint32_t crc32c(uint32_t seed, const uint8_t *bytes, uint64_t length_bytes) {
    uint32_t crc = ~seed;
    while (length_bytes > 0 && (uintptr_t)bytes % BYTES_AT_A_TIME != 0) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *bytes) & 0xff];
        bytes++;
        length_bytes--;
    }
    for (; length_bytes >= BYTES_AT_A_TIME; length_bytes -= BYTES_AT_A_TIME) {
        uint64_t word = *(const word_of_bytes *)bytes ^ crc;
        crc = tables[7][word & 0xff] ^ tables[6][(word >> 8) & 0xff] ^
              tables[5][(word >> 16) & 0xff] ^ tables[4][(word >> 24) & 0xff] ^
              tables[3][(word >> 32) & 0xff] ^ tables[2][(word >> 40) & 0xff] ^
              tables[1][(word >> 48) & 0xff] ^ tables[0][word >> 56];
        bytes += BYTES_AT_A_TIME;
    }
    for (; length_bytes > 0; length_bytes--) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *bytes) & 0xff];
        bytes++;
    }
    return ~crc;
}
