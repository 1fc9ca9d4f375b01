/*
 * Ends a call into the module that takes too long. The timer interrupts it at its deadline:
 *
 *   deadline        the limit of the stack is raised above the stack: the next WASM call, or call
 *                   of an import, ends in a trap, with a backtrace
 *   + GRACE_MS      a module that still runs calls nothing. If the pc is in the interpreter, the
 *   and so on       call is abandoned: the stack of wasm3 is dropped, as longjmp would
 *
 * The kernel's own state is safe from that: only the ops of wasm3 lie between __interpreter_start
 * and __interpreter_end, and they write to linear memory, to the stack of WASM values and to what
 * is dropped with the instance. Imports, and the functions they use, lie elsewhere: they end first.
 */
#include "deadline.h"
#include "timer.h"

#include <string.h>

#define GRACE_MS       1
#define MSTATUS_MPIE   0x80
#define REGISTER_COUNT 32

extern const uint8_t __interpreter_start[];
extern const uint8_t __interpreter_end[];
extern const uint8_t __stack_limit[];
extern const uint8_t __stack_top[];

/* In boot.S. */
bool deadline_call(void (*run)(void *), void *context);
void deadline_abandon(void);

/* Called from boot.S, on the trap stack. */
void deadline_interrupt(const uint64_t *registers);

/* The stack pointer that deadline_abandon goes back to; 0 while no call is under way. */
uint64_t deadline_frame;

/* What wasm_yield.h compares the stack pointer with. */
const uint8_t *volatile deadline_stack_limit = __stack_limit;

static uint64_t deadline_ms;
static uint64_t deadline_ticks;
static volatile uint64_t deadline_started;
static volatile uint64_t deadline_paused; /* since when, 0 if not */
static uint64_t deadline_registers[REGISTER_COUNT];
static volatile bool deadline_has_passed;

void deadline_init(uint64_t milliseconds) {
    deadline_ms = milliseconds;
    deadline_ticks = timer_ticks_of_ms(milliseconds);
    timer_set_alarm(timer_now_ticks());
}

bool deadline_run(void (*run)(void *), void *context) {
    deadline_has_passed = false;
    deadline_stack_limit = __stack_limit;
    deadline_started = timer_now_ticks();
    return deadline_call(run, context);
}

uint64_t deadline_milliseconds(void) {
    return deadline_ms;
}

bool deadline_is_over(void) {
    return deadline_has_passed;
}

const uint64_t *deadline_stopped_registers(void) {
    return deadline_registers;
}

void deadline_pause(void) {
    deadline_paused = timer_now_ticks();
}

void deadline_resume(void) {
    deadline_started += timer_now_ticks() - deadline_paused;
    deadline_paused = 0;
}

#if TSBLK_DEBUG
static uint64_t chaos_mean_ticks; /* 0: no chaos */
static uint64_t chaos_at;
static uint64_t chaos_state;
static bool chaos_has_struck;

/* xorshift64*, of which the upper bits are used. */
static uint64_t chaos_random(void) {
    chaos_state ^= chaos_state >> 12;
    chaos_state ^= chaos_state << 25;
    chaos_state ^= chaos_state >> 27;
    return chaos_state * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

void deadline_begin_chaos(uint64_t mean_ms, uint64_t seed) {
    chaos_mean_ticks = timer_ticks_of_ms(mean_ms);
    chaos_state = seed * 2 + 1;
    chaos_at = timer_now_ticks() + chaos_mean_ticks;
    timer_set_alarm(chaos_at);
}

bool deadline_is_chaos(void) {
    return chaos_has_struck;
}

/* Whether the call is to be stopped now, in the middle of whatever it does. */
static bool chaos_strikes(uint64_t now) {
    chaos_has_struck = chaos_mean_ticks != 0 && now >= chaos_at;
    if (chaos_has_struck) {
        chaos_at = now + chaos_random() % (2 * chaos_mean_ticks);
    }
    return chaos_has_struck;
}

static uint64_t chaos_next(uint64_t ticks) {
    return chaos_mean_ticks != 0 && chaos_at < ticks ? chaos_at : ticks;
}
#else
static bool chaos_strikes(uint64_t now) {
    (void)now;
    return false;
}

static uint64_t chaos_next(uint64_t ticks) {
    return ticks;
}
#endif

static void deadline_leave(const uint64_t *registers) {
    uint64_t enabled_before = MSTATUS_MPIE;
    memcpy(deadline_registers, registers, sizeof deadline_registers);
    __asm__ volatile("csrw mepc, %0" : : "r"(deadline_abandon));
    __asm__ volatile("csrc mstatus, %0" : : "r"(enabled_before));
}

void deadline_interrupt(const uint64_t *registers) {
    uint64_t pc;
    uint64_t now = timer_now_ticks();
    uint64_t due = deadline_started + deadline_ticks;
    __asm__ volatile("csrr %0, mepc" : "=r"(pc));
    bool is_over = deadline_has_passed;
    if (!is_over && deadline_paused == 0 && now < due) {
        is_over = chaos_strikes(now);
        if (!is_over) {
            timer_set_alarm(chaos_next(due));
            return;
        }
    }
    timer_set_alarm(now + timer_ticks_of_ms(GRACE_MS));
    if (deadline_paused != 0) {
        return;
    }
    deadline_has_passed = true;
    deadline_stack_limit = __stack_top;
    if (is_over && pc >= (uint64_t)__interpreter_start && pc < (uint64_t)__interpreter_end) {
        deadline_leave(registers);
    }
}
