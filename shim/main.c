/*
 * The boot sequence and the main loop. Hart 0 comes here once, with the device tree, and never
 * leaves. Everything a user sees is the module's; this hands it its bytes and its turns, and sleeps
 * when it has nothing to do.
 */
#include "canary.h"
#include "deadline.h"
#include "driver.h"
#include "fdt.h"
#include "interrupt.h"
#include "memlayout.h"
#include "memory.h"
#include "options.h"
#include "panic.h"
#include "power.h"
#include "probe.h"
#include "timer.h"
#include "uart.h"
#include "wasm_host.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* How long the module waits at most for its turn, when nothing happens and when nothing happens
 * that it waits for. */
#define IDLE_TICK_MS    100
#define WAITING_TICK_MS 1

/* Slices after which the UART is asked even if it has not interrupted. Each question leaves the
 * CPU, and would be most of the price of waiting for a disk. */
#define SLICES_PER_LOOK 1024

/* Bytes handed over between two slices: what the FIFO holds, so that a flood of them cannot stop
 * the work. */
#define BYTES_PER_SLICE 16

extern const uint8_t __kernel_end[];

_Noreturn void shim_main(const void *device_tree);

static struct fdt_machine machine;
static char boot_args[BOOT_ARGS_BYTES_MAX];

static void region_default(struct fdt_region *region, uint64_t base, uint64_t length_bytes) {
    if (region->length_bytes == 0) {
        *region = (struct fdt_region){base, length_bytes};
    }
}

static void number_default(uint32_t *number, uint32_t value) {
    if (*number == 0) {
        *number = value;
    }
}

static void boot_read_device_tree(const void *device_tree) {
    const char *fault = fdt_read(device_tree, DEVICE_TREE_BYTES_MAX, RAM_BASE, &machine);
    if (fault != NULL) {
        panic(fault);
    }
    region_default(&machine.memory, RAM_BASE, RAM_BYTES);
    region_default(&machine.uart, UART_BASE, PAGE_BYTES);
    region_default(&machine.clint, CLINT_BASE, PAGE_BYTES);
    region_default(&machine.plic, PLIC_BASE, PAGE_BYTES);
    region_default(&machine.finisher, FINISHER_BASE, PAGE_BYTES);
    number_default(&machine.uart_irq, UART_IRQ);
    number_default(&machine.timebase_hz, TIMEBASE_HZ);
}

static void boot_init_devices(void) {
    uart_init(machine.uart.base);
    power_init(machine.finisher.base);
    timer_init(machine.timebase_hz, machine.clint.base);
    interrupt_init(machine.plic.base, machine.uart_irq, machine.window_irqs, machine.window_count);
}

static void boot_keep_arguments(void) {
    if (machine.boot_args_bytes > sizeof boot_args) {
        panic("boot arguments longer than 4096 bytes");
    }
    memcpy(boot_args, machine.boot_args, machine.boot_args_bytes);
}

/* Where the RAM ends that nothing lies in: at the device tree if that is above the kernel. */
static uint64_t boot_usable_end(const void *device_tree) {
    uint64_t tree = (uint64_t)device_tree;
    uint64_t end = machine.memory.base + machine.memory.length_bytes;
    return (tree >= (uint64_t)__kernel_end && tree < end ? tree : end) / PAGE_BYTES * PAGE_BYTES;
}

static void boot_load_module(const void *device_tree, struct host_grant *grant) {
    uint64_t usable_end = boot_usable_end(device_tree);
    uint64_t linear_memory = (uint64_t)__kernel_end + PAGE_BYTES;
    if (usable_end < linear_memory + MODULE_BYTES_MAX + HEAP_BYTES + 2 * PAGE_BYTES) {
        panic("not enough RAM for the kernel");
    }
    uint64_t heap = usable_end - PAGE_BYTES - HEAP_BYTES;
    canary_place((void *)(heap - PAGE_BYTES), PAGE_BYTES);
    canary_place((void *)(heap + HEAP_BYTES), PAGE_BYTES);
    memory_init((void *)heap, HEAP_BYTES);
    wasm_host_load(linear_memory, heap - PAGE_BYTES, grant);
}

/* Returns when the driver has been started. */
static void boot_start_driver(const void *device_tree) {
    struct options options;
    uint32_t taken_bytes = options_read(boot_args, machine.boot_args_bytes, &options);
    struct host_grant grant = {.windows = machine.windows,
                               .window_count = machine.window_count,
                               .boot_args = boot_args + taken_bytes,
                               .boot_args_bytes = machine.boot_args_bytes - taken_bytes};
#ifdef GUARD_SWITCH
    grant.is_guard_off = options.guard == 0;
#endif
    deadline_init(options.deadline_ms);
    boot_load_module(device_tree, &grant);
#if TSBLK_DEBUG
    if (options.probe != 0) {
        probe_try(options.probe, (uint64_t)__kernel_end + PAGE_BYTES);
    }
    if (options.chaos_ms != 0) {
        deadline_begin_chaos(options.chaos_ms, options.chaos_seed);
    }
#endif
    driver_start(&grant, options.restarts_max);
}

/* Hands received bytes to the module, as many as fit between two slices. */
static void main_receive(void) {
    for (unsigned i = 0; i < BYTES_PER_SLICE; i++) {
        int byte = uart_read();
        if (byte < 0) {
            break;
        }
        driver_receive((uint8_t)byte);
    }
}

void shim_main(const void *device_tree) {
    boot_read_device_tree(device_tree);
    boot_init_devices();
    boot_keep_arguments();
    boot_start_driver(device_tree);
    for (unsigned slice = 0;; slice++) {
        if (interrupt_take() || slice % SLICES_PER_LOOK == 0) {
            main_receive();
        }
        enum driver_wish wish = driver_step();
        if (wish == DRIVER_WAITING) {
            interrupt_sleep(WAITING_TICK_MS);
        } else if (wish == DRIVER_IDLE) {
            canary_check();
            interrupt_sleep(IDLE_TICK_MS);
            main_receive();
        }
    }
}
