/* Memory that may not be written, or not be executed. See protect.c. */
#ifndef TSBLK_PROTECT_H
#define TSBLK_PROTECT_H

#include <stdint.h>

/* From now on the RAM from `start` to `end`, both multiples of a page, can only be read, until the
 * machine is reset. Once. */
void protect_read_only(uint64_t start, uint64_t end);

#endif
