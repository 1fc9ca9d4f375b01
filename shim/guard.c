/*
 * What a module may do to a device.
 *
 * A device does what it is told by two ways: registers, and descriptors in memory. A module that
 * could write both freely could let the device write anywhere in RAM. So it reaches, of the windows
 * it was granted, only the disks', and there it speaks virtio as with the device itself, but:
 *
 *   the queue's address, size, page size, alignment and ready registers are kept here. When the
 *     module hands its queue over, the device is given another one, in memory of ours, and from
 *     then on shadow_ring.c carries what is new from one to the other: at a notification and at
 *     every fence of the module. Reading a register gives the module what it has written there.
 *   features that would let the device take addresses from elsewhere, or take the rings for
 *     something else, cannot be accepted. Nor can those that the device does not offer.
 *   a device has one queue, number 0, and one set-up between two resets.
 *   registers that no driver writes are not written.
 *
 * What a module has written before is not held against it, only what it does: the first access that
 * breaks a rule is not made, and its text is returned for the trap that ends the module.
 *
 *   no queue --handed over--> live --Status = 0--> resetting --Status reads 0--> no queue
 *
 * A queue's memory belongs to the device from live until Status has read 0, whatever becomes of the
 * module. Nothing is believed of the device except that it writes no more after that.
 */
#include "guard.h"
#include "guard_device.h"
#include "timer.h"

#include <stddef.h>
#include <string.h>

#define DEVICES_MAX    8
#define GUARD_RESET_NS 1000000000u
#define STATUS_MASK    0xffu

static struct guard_grant guard;
static uint32_t device_count;
static struct guard_device devices[DEVICES_MAX];
static struct shadow_memory device_memory[DEVICES_MAX];
static struct guard_device *device_in[FDT_WINDOWS_MAX];

/* The queues that are live: what a fence goes through. */
static uint32_t live_count;
static struct guard_device *live[DEVICES_MAX];

static bool window_is_disk(const struct fdt_region *window) {
    if (window->length_bytes <= Config) {
        return false;
    }
    uint32_t version = *register_at(window->base, Version);
    return *register_at(window->base, MagicValue) == VIRTIO_MAGIC &&
           (version == VIRTIO_LEGACY || version == VIRTIO_MODERN) &&
           *register_at(window->base, DeviceID) == VIRTIO_ID_BLOCK;
}

static void device_forget(struct guard_device *device) {
    memset(device->written, 0, sizeof device->written);
    memset(device->features, 0, sizeof device->features);
}

static void device_add(uint32_t window) {
    struct guard_device *device = &devices[device_count];
    uint64_t base = guard.windows[window].base;
    device_in[window] = device;
    if (device->base != base) { /* otherwise another instance had it: its state counts */
        *device = (struct guard_device){.base = base};
    }
    device->window = window;
    device->version = device_read(device, Version);
    device->ring.own = &device_memory[device_count++];
    device->ring.memory = guard.memory;
    device->ring.memory_bytes = guard.memory_bytes;
    device_forget(device);
}

void guard_init(const struct guard_grant *grant) {
    guard = *grant;
    device_count = 0;
    live_count = 0;
    memset(device_in, 0, sizeof device_in);
    for (uint32_t window = 0; window < guard.window_count; window++) {
        if (device_count < DEVICES_MAX && window_is_disk(&guard.windows[window])) {
            device_add(window);
        }
    }
}

uint64_t guard_dma_base(void) {
    return guard.is_off ? (uint64_t)guard.memory : 0;
}

static void live_remove(const struct guard_device *device) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < live_count; i++) {
        live[kept] = live[i];
        kept += live[i] != device ? 1 : 0;
    }
    live_count = kept;
}

/* The device gets what the module has published. A queue with a fault is not looked at again. */
static inline const char *device_publish(struct guard_device *device) {
    if (__builtin_expect(shadow_ring_publish(&device->ring), 1)) {
        return NULL;
    }
    live_remove(device);
    return guard_refuse_chain(device);
}

const char *guard_fence(void) {
    for (uint32_t i = 0; i < live_count; i++) {
        const char *fault = device_publish(live[i]);
        if (fault != NULL) {
            return fault;
        }
    }
    barrier();
    for (uint32_t i = 0; i < live_count; i++) {
        shadow_ring_collect(&live[i]->ring);
    }
    return NULL;
}

static const char *device_notify(struct guard_device *device, uint32_t value) {
    const char *fault = device->state == QUEUE_LIVE ? device_publish(device) : NULL;
    if (fault == NULL) {
        barrier();
        device_write(device, QueueNotify, value);
    }
    return fault;
}

static void device_reset(struct guard_device *device) {
    live_remove(device);
    device_forget(device);
    device->state = device->state == QUEUE_NONE ? QUEUE_NONE : QUEUE_RESETTING;
    barrier();
    device_write(device, Status, 0);
}

static uint32_t device_read_status(struct guard_device *device) {
    uint32_t status = device_read(device, Status);
    if (status == 0 && device->state == QUEUE_RESETTING) {
        device->state = QUEUE_NONE;
    }
    return status;
}

/* The address of a device that is not reset yet, 0 when all are. */
static uint64_t device_in_reset(void) {
    uint64_t base = 0;
    for (uint32_t i = 0; i < device_count; i++) {
        base = device_read_status(&devices[i]) == 0 ? base : devices[i].base;
    }
    return base;
}

uint64_t guard_reset_all(void) {
    for (uint32_t i = 0; i < device_count; i++) {
        device_reset(&devices[i]);
    }
    uint64_t deadline_ns = timer_now_ns() + GUARD_RESET_NS;
    uint64_t stuck;
    do {
        stuck = device_in_reset();
    } while (stuck != 0 && timer_now_ns() < deadline_ns);
    barrier();
    return stuck;
}

/* A register that the module does not write itself. */
static const char *device_hold(struct guard_device *device, uint32_t offset, uint32_t value) {
    enum queue_state before = device->state;
    const char *fault = guard_hold(device, offset, value);
    if (before != QUEUE_LIVE && device->state == QUEUE_LIVE) {
        live[live_count++] = device;
    }
    return fault;
}

static const char *device_write_control(struct guard_device *device, uint32_t offset,
                                        uint32_t value) {
    switch (offset) {
    case QueueNotify:
        return device_notify(device, value);
    case DriverFeatures:
        return guard_accept(device, value);
    case Status:
        if ((value & STATUS_MASK) == 0) {
            device_reset(device);
            return NULL;
        }
        break;
    case DeviceFeaturesSel:
    case DriverFeaturesSel:
    case QueueSel:
        device->written[offset / 4] = value;
        break;
    case InterruptACK:
        break;
    default:
        return device_hold(device, offset, value);
    }
    device_write(device, offset, value);
    return NULL;
}

/* Whether the module may not make an access of any kind there. What the device tree calls a window
 * may be longer than what answers in it. */
static inline const char *access_fault(const char *import, uint32_t window, uint32_t offset) {
    if (__builtin_expect(device_in[window] == NULL, 0)) {
        return guard_refuse(import, window, offset, "not a disk");
    }
    if (__builtin_expect(offset >= ConfigEnd, 0)) {
        return guard_refuse(import, window, offset, "behind the registers of a disk");
    }
    return NULL;
}

const char *guard_write32(uint32_t window, uint32_t offset, uint32_t value) {
    struct guard_device *device = device_in[window];
    const char *fault = access_fault("mmioWrite32", window, offset);
    if (fault != NULL) {
        return fault;
    }
    if (offset >= Config || guard.is_off) {
        device_write(device, offset, value);
        return NULL;
    }
    return device_write_control(device, offset, value);
}

static uint32_t device_read_control(struct guard_device *device, uint32_t offset) {
    if (offset == Status) {
        return device_read_status(device);
    }
    if (offset == QueueReady || !guard_is_queue_register(device, offset)) {
        return device_read(device, offset);
    }
    bool is_forgotten = offset == QueuePFN && (device->state != QUEUE_LIVE ||
                                               device_read(device, offset) != device->page_number);
    return is_forgotten ? 0 : device->written[offset / 4];
}

const char *guard_read32(uint32_t window, uint32_t offset, uint32_t *value) {
    struct guard_device *device = device_in[window];
    if (offset <= VendorID) { /* says what it is, whatever it is */
        *value = *register_at(guard.windows[window].base, offset);
        return NULL;
    }
    const char *fault = access_fault("mmioRead32", window, offset);
    if (fault != NULL) {
        return fault;
    }
    bool is_plain = offset >= Config || guard.is_off;
    *value = is_plain ? device_read(device, offset) : device_read_control(device, offset);
    return NULL;
}

const char *guard_check_narrow(const char *import, uint32_t window, uint32_t offset) {
    const char *fault = access_fault(import, window, offset);
    if (fault == NULL && offset < Config) {
        return guard_refuse(import, window, offset, "a control register takes 32 bits at a time");
    }
    return fault;
}
