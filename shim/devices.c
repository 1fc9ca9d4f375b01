/*
 * Resets virtio devices over MMIO (VIRTIO 1.x, §2.4, §4.2.2): Status is written 0 and read until it
 * is 0. Only then the memory that the device was given is the kernel's again, so there is no going
 * on without it. Windows without a device are left alone (§4.2.3.1.1).
 */
#include "devices.h"
#include "panic.h"
#include "print.h"
#include "timer.h"

#include <stdbool.h>

#define MAGIC_VALUE     0x000
#define VERSION         0x004
#define DEVICE_ID       0x008
#define STATUS          0x070
#define REGISTERS_BYTES 0x100

#define MAGIC            0x74726976
#define VERSION_MAX      2
#define RESET_TIMEOUT_NS UINT64_C(1000000000)

static volatile uint32_t *device_register(const struct fdt_region *window, uint64_t offset) {
    return (volatile uint32_t *)(window->base + offset);
}

static bool device_is_there(const struct fdt_region *window) {
    if (window->length_bytes < REGISTERS_BYTES || *device_register(window, MAGIC_VALUE) != MAGIC) {
        return false;
    }
    uint32_t version = *device_register(window, VERSION);
    return version != 0 && version <= VERSION_MAX && *device_register(window, DEVICE_ID) != 0;
}

static void device_reset(const struct fdt_region *window) {
    uint64_t deadline_ns = timer_now_ns() + RESET_TIMEOUT_NS;
    __asm__ volatile("fence iorw, iorw" : : : "memory");
    *device_register(window, STATUS) = 0;
    while (*device_register(window, STATUS) != 0) {
        if (timer_now_ns() >= deadline_ns) {
            panic_begin();
            print_text("the device at ");
            print_hex(window->base, 8);
            print_text(" does not come out of its reset, and may still write to memory");
            panic_end();
        }
    }
    __asm__ volatile("fence iorw, iorw" : : : "memory");
}

void devices_reset_all(const struct fdt_region *windows, uint32_t window_count) {
    for (uint32_t i = 0; i < window_count; i++) {
        if (device_is_there(&windows[i])) {
            device_reset(&windows[i]);
        }
    }
}
