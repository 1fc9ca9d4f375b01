/* Accesses that must fault, for tests. See probe.c. */
#ifndef TSBLK_PROBE_H
#define TSBLK_PROBE_H

#include <stdint.h>

/* Tries number `probe`. Does not return if it is an access; a damaged canary is found later. */
void probe_try(uint64_t probe, uint64_t linear_memory);

#endif
