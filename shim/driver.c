/*
 * Keeps the driver running. A call into the module that traps, panics, breaks a rule of the imports
 * or overruns its deadline is the end of that instance:
 *
 *   1. what it wanted to be kept is copied (handover.c)
 *   2. the devices it held are reset, so that nothing they do lands in memory later
 *   3. heap and linear memory become what they were when the module had just been loaded
 *   4. start() is called, and one line says what happened and how long that took
 *
 * A driver that fails again and again ends the machine, with the causes.
 */
#include "canary.h"
#include "driver.h"
#include "guard.h"
#include "handover.h"
#include "memory.h"
#include "panic.h"
#include "print.h"
#include "timer.h"
#include "uart.h"
#include "wasm_host.h"

#define PERIOD_NS     UINT64_C(10000000000)
#define CAUSES_KEPT   8
#define NS_PER_MS     UINT64_C(1000000)
#define NS_PER_TENTH  (NS_PER_MS / 10)
#define TENTHS_PER_MS 10

static struct host_grant driver_grant;
static uint64_t driver_restarts_max;

/* Failure number n is at n % CAUSES_KEPT. */
static struct failure {
    uint64_t at_ns;
    struct text cause;
} failures[CAUSES_KEPT];

static uint64_t failure_count;

/* Failures within PERIOD_NS up to now, as far as they are kept. */
static uint64_t failures_lately(uint64_t now_ns) {
    uint64_t count = 0;
    while (count < failure_count && count < CAUSES_KEPT) {
        if (now_ns - failures[(failure_count - 1 - count) % CAUSES_KEPT].at_ns > PERIOD_NS) {
            break;
        }
        count++;
    }
    return count;
}

static _Noreturn void driver_give_up(uint64_t count) {
    panic_begin();
    print_text("the driver has failed ");
    print_decimal(count);
    print_text(" times in 10 s:");
    for (uint64_t i = failure_count - count; i < failure_count; i++) {
        print_text("\r\n  ");
        text_print(&failures[i % CAUSES_KEPT].cause);
    }
    wasm_host_print_backtrace();
    panic_end();
}

static void driver_note_failure(const struct text *cause) {
    uint64_t now_ns = timer_now_ns();
    failures[failure_count % CAUSES_KEPT] = (struct failure){now_ns, *cause};
    failure_count++;
    uint64_t count = failures_lately(now_ns);
    if (count > driver_restarts_max) {
        driver_give_up(count);
    }
}

#if TSBLK_DEBUG
/* What the instance that has failed leaves behind. */
static void driver_print_details(void) {
    print_text("\r\nthe driver has failed, with ");
    print_decimal(memory_peak_bytes());
    print_text(" bytes of heap");
    wasm_host_print_backtrace();
    print_line_end();
}
#endif

static void driver_report(const struct text *cause, uint64_t took_ns) {
    print_text(uart_is_at_line_start() ? "" : "\r\n");
    print_text("TSBLK: driver restarted (");
    text_print(cause);
    print_text(", ");
    print_decimal(took_ns / NS_PER_MS);
    print_text(".");
    print_decimal(took_ns / NS_PER_TENTH % TENTHS_PER_MS);
    print_text(" ms)");
    print_line_end();
}

/* There is no going on with a device that may still read and write memory. */
static void driver_reset_devices(void) {
    uint64_t stuck = guard_reset_all();
    if (stuck != 0) {
        panic_begin();
        print_text("the device at ");
        print_hex(stuck, 8);
        print_text(" does not come out of its reset, and may still write to memory");
        panic_end();
    }
}

/* After a failure, whose cause is emptied. Returns when an instance has been started. */
static void driver_restart(struct text *cause) {
    struct text first_cause = *cause;
    uint64_t since_ns = timer_now_ns();
    do {
        driver_note_failure(cause);
#if TSBLK_DEBUG
        driver_print_details();
#endif
        *cause = (struct text){0};
        handover_take();
        driver_reset_devices();
        canary_check();
        wasm_host_renew();
    } while (!wasm_host_start(cause));
    driver_report(&first_cause, timer_now_ns() - since_ns);
}

void driver_start(const struct host_grant *grant, uint64_t restarts_max) {
    struct text cause = {0};
    driver_grant = *grant;
    driver_restarts_max = restarts_max;
    if (!wasm_host_start(&cause)) {
        driver_restart(&cause);
    }
}

enum driver_wish driver_step(void) {
    struct text cause;
    int32_t wish;
    cause.length = 0;
    if (!wasm_host_step(&wish, &cause)) {
        driver_restart(&cause);
        return DRIVER_BUSY;
    }
    return wish == DRIVER_IDLE || wish == DRIVER_WAITING ? (enum driver_wish)wish : DRIVER_BUSY;
}

void driver_receive(uint8_t byte) {
    struct text cause;
    cause.length = 0;
    if (!wasm_host_receive(byte, &cause)) {
        driver_restart(&cause);
    }
}
