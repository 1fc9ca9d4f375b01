/* What the host tests of the shim share: a check that says where it failed, and random numbers from
 * a seed. */
#ifndef TSBLK_CHECK_H
#define TSBLK_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(CONDITION)                                                                           \
    do {                                                                                           \
        if (!(CONDITION)) {                                                                        \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #CONDITION);                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static uint64_t random_state;

/* The same numbers for the same SEED in the environment; it is printed for a run that fails. */
static inline void random_init(void) {
    const char *seed = getenv("SEED");
    random_state = seed == NULL ? 1 : strtoull(seed, NULL, 0);
    printf("SEED=%llu\n", (unsigned long long)random_state);
}

/* A number below `bound` (splitmix64). */
static inline uint64_t random_below(uint64_t bound) {
    uint64_t value = random_state += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return (value ^ value >> 31) % bound;
}

#endif
