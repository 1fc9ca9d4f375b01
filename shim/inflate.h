/* Expansion of a raw DEFLATE stream (RFC 1951). */
#ifndef TSBLK_INFLATE_H
#define TSBLK_INFLATE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Expands a raw DEFLATE stream (RFC 1951) to exactly `target_bytes` bytes at `target`. Returns
 * NULL, or what is wrong with the stream; then `target` holds nothing of use. Whatever the stream
 * holds, nothing is read past `source_bytes` or written past `target_bytes`. Not reentrant.
 */
const char *inflate(const uint8_t *source, size_t source_bytes, uint8_t *target,
                    size_t target_bytes);

#endif
