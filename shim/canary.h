/* Pages that nobody writes to. See canary.c. */
#ifndef TSBLK_CANARY_H
#define TSBLK_CANARY_H

#include <stddef.h>

/* Fills the `length_bytes` at `page`, a multiple of 8, and watches them from now on. Filling them
 * again is allowed. */
void canary_place(void *page, size_t length_bytes);

#if TSBLK_DEBUG
/* Changes the last byte of page number `index` modulo 4, as a bug would. */
void canary_damage(unsigned index);
#endif

/* Panics if one of the bytes has changed. */
void canary_check(void);

#endif
