/*
 * Freestanding <stdlib.h> for wasm3: allocation is memory.c's. The number parsers are declared
 * because m3_CallArgv mentions them; it is dropped by the linker, so nobody defines them.
 */
#ifndef TSBLK_STDLIB_H
#define TSBLK_STDLIB_H

#include <stddef.h>

#include "../memory.h"

#define calloc  memory_calloc
#define realloc memory_realloc
#define free    memory_free

_Noreturn void abort(void);
unsigned long strtoul(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);

#endif
