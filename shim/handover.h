/* What one instance of the module leaves to the next. See handover.c. */
#ifndef TSBLK_HANDOVER_H
#define TSBLK_HANDOVER_H

#include <stdint.h>

#define HANDOVER_BYTES_MAX 0x10000

/* The instance wants the `length_bytes` (up to HANDOVER_BYTES_MAX) at `bytes`, which are in its
 * linear memory, to be kept when it ends. Replaces what it wanted before. */
void handover_keep(const uint8_t *bytes, uint32_t length_bytes);

/* The instance has ended: takes a copy of what it wanted to be kept. Linear memory may be cleared
 * after this. An instance that ended before it said what it wanted leaves what it was left. */
void handover_take(void);

/* Copies what the last instance left, at most `capacity_bytes` of it. Returns its full length. */
uint32_t handover_read(uint8_t *to, uint32_t capacity_bytes);

#endif
