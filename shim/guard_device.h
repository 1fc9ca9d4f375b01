/* A device behind the guard: what guard.c, guard_queue.c and guard_refuse.c share. */
#ifndef TSBLK_GUARD_DEVICE_H
#define TSBLK_GUARD_DEVICE_H

#include "shadow_ring.h"
#include "virtio.h"

#include <stdbool.h>
#include <stdint.h>

#define REGISTERS      (Config / 4)
#define FEATURE_HALVES 2

/* The only queue. */
#define REQUEST_QUEUE 0

enum queue_state {
    QUEUE_NONE,
    QUEUE_LIVE,
    QUEUE_RESETTING
};

struct guard_device {
    uint64_t base;
    uint32_t window;
    uint32_t version;
    enum queue_state state;
    uint32_t page_number; /* legacy: where the device has its queue */
    uint32_t features[FEATURE_HALVES];
    uint32_t written[REGISTERS]; /* by the module, 0 for never since the reset */
    struct shadow_ring ring;
};

static inline volatile uint32_t *register_at(uint64_t base, uint32_t offset) {
    return (volatile uint32_t *)(base + offset);
}

static inline uint32_t device_read(const struct guard_device *device, uint32_t offset) {
    return *register_at(device->base, offset);
}

static inline void device_write(const struct guard_device *device, uint32_t offset,
                                uint32_t value) {
    *register_at(device->base, offset) = value;
}

/* What either side wrote before, in memory or to registers, the other sees before what follows. */
static inline void barrier(void) {
    __asm__ volatile("fence iorw, iorw" : : : "memory");
}

/* The module accepts features, in the half that it has selected. NULL or the broken rule. */
const char *guard_accept(struct guard_device *device, uint32_t value);

/* The module writes a register that it does not write itself. NULL or the broken rule; the last
 * write of a set-up leaves the device with its queue, and its state is QUEUE_LIVE. */
const char *guard_hold(struct guard_device *device, uint32_t offset, uint32_t value);

/* Whether the register is one of those that set up a queue. */
bool guard_is_queue_register(const struct guard_device *device, uint32_t offset);

/* Texts of broken rules: about a register, and that of the device's ring. Each until the next. */
const char *guard_refuse(const char *import, uint32_t window, uint32_t offset, const char *rule);
const char *guard_refuse_chain(const struct guard_device *device);

#endif
