/*
 * The time CSR and the machine timer of the CLINT. Its interrupt ends a wfi, and a call into the
 * module that takes too long.
 */
#include "memlayout.h"
#include "timer.h"

#define CLINT_MTIMECMP 0x4000
#define NS_PER_SECOND  1000000000
#define MS_PER_SECOND  1000

static uint64_t timer_hz = TIMEBASE_HZ;
static volatile uint64_t *timer_mtimecmp = (volatile uint64_t *)(CLINT_BASE + CLINT_MTIMECMP);

void timer_init(uint64_t hz, uint64_t clint_base) {
    timer_hz = hz;
    timer_mtimecmp = (volatile uint64_t *)(clint_base + CLINT_MTIMECMP);
}

uint64_t timer_now_ticks(void) {
    uint64_t ticks;
    __asm__ volatile("rdtime %0" : "=r"(ticks));
    return ticks;
}

uint64_t timer_now_ns(void) {
    uint64_t ticks = timer_now_ticks();
    /* Seconds apart from the rest, so that the product cannot overflow. */
    return ticks / timer_hz * NS_PER_SECOND + ticks % timer_hz * NS_PER_SECOND / timer_hz;
}

uint64_t timer_ticks_of_ms(uint64_t milliseconds) {
    return timer_hz * milliseconds / MS_PER_SECOND;
}

void timer_set_alarm(uint64_t ticks) {
    *timer_mtimecmp = ticks;
}
