/* Freestanding <string.h>: what libc.c has. */
#ifndef TSBLK_STRING_H
#define TSBLK_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length_bytes);
void *memmove(void *to, const void *from, size_t length_bytes);
void *memset(void *to, int byte, size_t length_bytes);
int memcmp(const void *left, const void *right, size_t length_bytes);
size_t strlen(const char *text);
int strcmp(const char *left, const char *right);

#endif
