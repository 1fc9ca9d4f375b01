/* Time, and the alarm that ends a sleep. See timer.c. */
#ifndef TSBLK_TIMER_H
#define TSBLK_TIMER_H

#include <stdint.h>

/* `hz` is timebase-frequency and not zero, `clint_base` the CLINT with hart 0's mtimecmp. */
void timer_init(uint64_t hz, uint64_t clint_base);

/* Monotonic nanoseconds since the machine was switched on; wraps after 584 years. */
uint64_t timer_now_ns(void);

/* The same clock in its own unit. */
uint64_t timer_now_ticks(void);
uint64_t timer_ticks_of_ms(uint64_t milliseconds);

/* The timer interrupt becomes pending at `ticks` and stays so until the next call. */
void timer_set_alarm(uint64_t ticks);

#endif
