/*
 * A small area that outlives the module. An instance names a part of its linear memory once; when
 * it ends, however it does, the bytes that are there then are copied to the kernel, and the next
 * instance asks for them. To the kernel they mean nothing. The next instance has to check them: the
 * last one may have written anything there.
 */
#include "handover.h"

#include <string.h>

static uint8_t handover_bytes[HANDOVER_BYTES_MAX];
static uint32_t handover_length_bytes;
static const uint8_t *kept_bytes; /* NULL when this instance has named none */
static uint32_t kept_length_bytes;

void handover_keep(const uint8_t *bytes, uint32_t length_bytes) {
    kept_bytes = bytes;
    kept_length_bytes = length_bytes;
}

void handover_take(void) {
    if (kept_bytes == NULL) {
        return;
    }
    memcpy(handover_bytes, kept_bytes, kept_length_bytes);
    handover_length_bytes = kept_length_bytes;
    kept_bytes = NULL;
}

uint32_t handover_read(uint8_t *to, uint32_t capacity_bytes) {
    uint32_t length_bytes = handover_length_bytes;
    memcpy(to, handover_bytes, length_bytes < capacity_bytes ? length_bytes : capacity_bytes);
    return length_bytes;
}
