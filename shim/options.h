/* The boot arguments that are the kernel's own. See options.c. */
#ifndef TSBLK_OPTIONS_H
#define TSBLK_OPTIONS_H

#include <stdint.h>

struct options {
    uint64_t deadline_ms; /* of a call into the module */
    uint64_t guard;       /* 0: a kernel with GUARD_SWITCH gives devices the module's own rings */
    /* Given to a debug kernel only: */
    uint64_t restarts_max; /* in ten seconds */
    uint64_t probe;        /* which access that must fault is tried, 0 for none; see probe.c */
    uint64_t chaos_ms;     /* the module is stopped at random, so often on average; 0 for never */
    uint64_t chaos_seed;
};

/* Takes the options that the boot arguments begin with and gives the others their defaults. Returns
 * where the rest of the boot arguments begins. */
uint32_t options_read(const char *text, uint32_t length_bytes, struct options *options);

#endif
