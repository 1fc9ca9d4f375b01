/* The time that a call into the module may take. See deadline.c. */
#ifndef TSBLK_DEADLINE_H
#define TSBLK_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

/* A call may take `milliseconds`. Once, when the timer and the interrupts are set up. */
void deadline_init(uint64_t milliseconds);

/*
 * Calls run(context). Returns false when it was stopped because of the deadline and will never
 * return: then the interpreter that it ran is in no state to be used again.
 */
bool deadline_run(void (*run)(void *), void *context);

/* What a call may take. */
uint64_t deadline_milliseconds(void);

/* Whether the last call has overrun its deadline, however it was ended. */
bool deadline_is_over(void);

/* The 32 registers at the moment when the last call was abandoned. */
const uint64_t *deadline_stopped_registers(void);

#if TSBLK_DEBUG
/* From now on calls are stopped at random moments, `mean_ms` apart on average; and whether the last
 * one was. */
void deadline_begin_chaos(uint64_t mean_ms, uint64_t seed);
bool deadline_is_chaos(void);
#endif

/* Between these two the time does not count: the console holds the line back. */
void deadline_pause(void);
void deadline_resume(void);

#endif
