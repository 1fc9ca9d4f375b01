/*
 * How a module hands over its queue: the features that decide how it is read, and the registers
 * that say where it is. See guard.c.
 *
 * The module's registers are only noted. The last write of a set-up, QueueReady or QueuePFN, opens
 * the ring between what they say and our own, and gives the device our own. What does not make
 * sense, does not lie in linear memory, or comes at a time when the device may still be using the
 * last queue, is a broken rule.
 */
#include "guard_device.h"

#include <stddef.h>

/*
 * Feature bits that may be accepted: those of the device type, and of the rest NOTIFY_ON_EMPTY,
 * ANY_LAYOUT, INDIRECT_DESC, EVENT_IDX; VERSION_1, ORDER_PLATFORM. Not among them: packed rings,
 * which are read otherwise; an IOMMU's addresses; more queues, and resets of single ones; used
 * entries that stand for several chains.
 */
static const uint32_t features_allowed[FEATURE_HALVES] = {0x39ffffff, 0x00000011};

static const char *refuse_write(const struct guard_device *device, uint32_t offset,
                                const char *rule) {
    return guard_refuse("mmioWrite32", device->window, offset, rule);
}

/* What the device offers of the half that the module has selected for its own features. */
static uint32_t device_offers(const struct guard_device *device, uint32_t half) {
    device_write(device, DeviceFeaturesSel, half);
    uint32_t offered = device_read(device, DeviceFeatures);
    device_write(device, DeviceFeaturesSel, device->written[DeviceFeaturesSel / 4]);
    return offered;
}

const char *guard_accept(struct guard_device *device, uint32_t value) {
    uint32_t half = device->written[DriverFeaturesSel / 4];
    uint32_t allowed = half < FEATURE_HALVES ? features_allowed[half] : 0;
    if (device->state != QUEUE_NONE) {
        return refuse_write(device, DriverFeatures, "features after the queue");
    }
    if ((value & ~allowed) != 0) {
        return refuse_write(device, DriverFeatures, "feature that the guard does not allow");
    }
    if (half < FEATURE_HALVES) {
        if ((value & ~device_offers(device, half)) != 0) {
            return refuse_write(device, DriverFeatures, "feature that the device does not offer");
        }
        device->features[half] = value;
    }
    device_write(device, DriverFeatures, value);
    return NULL;
}

static uint64_t written_address(const struct guard_device *device, uint32_t low) {
    return device->written[low / 4] | (uint64_t)device->written[low / 4 + 1] << 32;
}

static bool is_power_of_two(uint32_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

/* Where the module says that its queue is. Returns NULL or what is wrong with that. */
static const char *module_place(const struct guard_device *device, struct shadow_place *place) {
    if (device->version == VIRTIO_MODERN) {
        *place = (struct shadow_place){.table = written_address(device, QueueDescLow),
                                       .avail = written_address(device, QueueDriverLow),
                                       .used = written_address(device, QueueDeviceLow)};
        return NULL;
    }
    uint32_t page_bytes = device->written[GuestPageSize / 4];
    uint32_t align_bytes = device->written[QueueAlign / 4];
    if (!is_power_of_two(page_bytes) || !is_power_of_two(align_bytes)) {
        return "page size or alignment of the queue is not a power of two";
    }
    *place = shadow_ring_place((uint64_t)device->written[QueuePFN / 4] * page_bytes,
                               device->written[QueueSize / 4], align_bytes);
    return NULL;
}

static void device_write_address(const struct guard_device *device, uint32_t low,
                                 const void *place) {
    uint64_t address = (uint64_t)place;
    device_write(device, low, (uint32_t)address);
    device_write(device, low + 4, (uint32_t)(address >> 32));
}

/* Gives the device the queue that is open in its ring. */
static void device_give_queue(struct guard_device *device) {
    const struct shadow_ring *ring = &device->ring;
    uint64_t start = (uint64_t)ring->own->rings;
    device_write(device, QueueSel, REQUEST_QUEUE);
    device_write(device, QueueSize, ring->size);
    if (device->version == VIRTIO_MODERN) {
        device_write_address(device, QueueDescLow, ring->own->rings);
        device_write_address(device, QueueDriverLow, ring->own_avail);
        device_write_address(device, QueueDeviceLow, ring->own_used);
        barrier(); /* the empty rings before the device learns of them */
        device_write(device, QueueReady, 1);
    } else {
        device->page_number = (uint32_t)(start / SHADOW_PAGE_BYTES);
        device_write(device, GuestPageSize, SHADOW_PAGE_BYTES);
        device_write(device, QueueAlign, SHADOW_PAGE_BYTES);
        barrier();
        device_write(device, QueuePFN, device->page_number);
    }
    device->state = QUEUE_LIVE;
}

/* The module hands its queue over. */
static const char *device_set_up(struct guard_device *device, uint32_t offset) {
    struct shadow_place place = {0};
    uint32_t size = device->written[QueueSize / 4];
    const char *rule = module_place(device, &place);
    if (rule == NULL) {
        device_write(device, QueueSel, REQUEST_QUEUE);
        if (size > device_read(device, QueueSizeMax)) {
            rule = "queue is larger than the device allows";
        }
    }
    if (rule == NULL) {
        device->ring.has_indirect = (device->features[0] & VIRTIO_F_INDIRECT_DESC) != 0;
        rule = shadow_ring_open(&device->ring, &place, size);
    }
    if (rule != NULL) {
        return refuse_write(device, offset, rule);
    }
    device_give_queue(device);
    return NULL;
}

bool guard_is_queue_register(const struct guard_device *device, uint32_t offset) {
    if (device->version == VIRTIO_LEGACY) {
        return offset == GuestPageSize || offset == QueueSize || offset == QueueAlign ||
               offset == QueuePFN;
    }
    bool is_address = offset >= QueueDescLow && offset <= QueueDeviceLow + 4 && offset % 16 <= 4;
    return offset == QueueSize || offset == QueueReady || is_address;
}

const char *guard_hold(struct guard_device *device, uint32_t offset, uint32_t value) {
    if (!guard_is_queue_register(device, offset)) {
        return refuse_write(device, offset, "not a register for a driver to write");
    }
    if (device->written[QueueSel / 4] != REQUEST_QUEUE) {
        return refuse_write(device, offset, "only queue 0 may be set up");
    }
    if (device->state == QUEUE_LIVE) {
        return refuse_write(device, offset, "queue is in use until the device is reset");
    }
    if (device->state == QUEUE_RESETTING) {
        return refuse_write(device, offset, "queue before the reset has been seen to end");
    }
    bool is_last = offset == QueuePFN || offset == QueueReady;
    if (is_last && (value == 0 || (offset == QueueReady && value != 1))) {
        return refuse_write(device, offset, "a queue is stopped by a reset only");
    }
    device->written[offset / 4] = value;
    return is_last ? device_set_up(device, offset) : NULL;
}
