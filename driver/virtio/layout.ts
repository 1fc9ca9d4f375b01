/**
 * Wire formats of virtio: device status, features of every device type, split virtqueue, MMIO
 * registers. Bytes and numbers only; what they mean is in the files that use them.
 *
 * Split virtqueue of n entries (§2.7):
 *
 *   descriptor table           available ring             used ring
 *   written by the driver      written by the driver      written by the device
 *   +------------------+       +------------------+       +------------------------+
 *   | addr  u64        | x n   | flags u16        |       | flags u16              |
 *   | len   u32        |       | idx   u16        |       | idx   u16              |
 *   | flags u16        |       | ring  u16 x n    |       | ring  {id, len} u32 x n|
 *   | next  u16        |       | used_event u16   |       | avail_event u16        |
 *   +------------------+       +------------------+       +------------------------+
 */

// Device status (§2.1)
export const ACKNOWLEDGE: u32 = 1;
export const DRIVER: u32 = 2;
export const DRIVER_OK: u32 = 4;
export const FEATURES_OK: u32 = 8;
export const DEVICE_NEEDS_RESET: u32 = 64;
export const FAILED: u32 = 128;

// Feature bits of every device type (§6)
export const VIRTIO_F_ANY_LAYOUT: u64 = 1 << 27;
export const VIRTIO_F_INDIRECT_DESC: u64 = 1 << 28;
export const VIRTIO_F_EVENT_IDX: u64 = 1 << 29;
export const VIRTIO_F_VERSION_1: u64 = 1 << 32;

// Descriptor flags (§2.7.5)
export const VIRTQ_DESC_F_NEXT: u16 = 1;
export const VIRTQ_DESC_F_WRITE: u16 = 2;
export const VIRTQ_DESC_F_INDIRECT: u16 = 4;

// Flags of the rings (§2.7.6, §2.7.8)
export const VIRTQ_AVAIL_F_NO_INTERRUPT: u16 = 1;
export const VIRTQ_USED_F_NO_NOTIFY: u16 = 1;

/** Descriptor table entry, written by the driver. */
@unmanaged
export class VirtqDesc {
  addr: u64;
  len: u32;
  flags: u16;
  next: u16;
}

/**
 * Used ring entry, written by the device: the head of a chain, and how many bytes it wrote there.
 */
@unmanaged
export class VirtqUsedElem {
  id: u32;
  len: u32;
}

// Both rings start with flags u16 @0 and idx u16 @2, then the slots
export const VIRTQ_RING_FLAGS: usize = 0;
export const VIRTQ_RING_IDX: usize = 2;
export const VIRTQ_RING_SLOTS: usize = 4;

/** Bytes of the descriptor table. */
export function virtqDescBytes(queueSize: u32): usize {
  return <usize>queueSize * offsetof<VirtqDesc>();
}

/** Bytes of the available ring, with the used_event word behind the slots. */
export function virtqAvailBytes(queueSize: u32): usize {
  return VIRTQ_RING_SLOTS + <usize>queueSize * sizeof<u16>() + sizeof<u16>();
}

/** Bytes of the used ring, with the avail_event word behind the slots. */
export function virtqUsedBytes(queueSize: u32): usize {
  return VIRTQ_RING_SLOTS + <usize>queueSize * offsetof<VirtqUsedElem>() + sizeof<u16>();
}

// MMIO registers (§4.2.2, legacy ones §4.2.4), all 32 bits wide
export const MagicValue: u32 = 0x000; // device writes
export const Version: u32 = 0x004; // device writes
export const DeviceID: u32 = 0x008; // device writes
export const DeviceFeatures: u32 = 0x010; // device writes
export const DeviceFeaturesSel: u32 = 0x014; // driver writes
export const DriverFeatures: u32 = 0x020; // driver writes
export const DriverFeaturesSel: u32 = 0x024; // driver writes
export const GuestPageSize: u32 = 0x028; // driver writes, legacy only
export const QueueSel: u32 = 0x030; // driver writes
export const QueueSizeMax: u32 = 0x034; // device writes
export const QueueSize: u32 = 0x038; // driver writes
export const QueueAlign: u32 = 0x03c; // driver writes, legacy only
export const QueuePFN: u32 = 0x040; // both, legacy only
export const QueueReady: u32 = 0x044; // both
export const QueueNotify: u32 = 0x050; // driver writes
export const InterruptStatus: u32 = 0x060; // device writes
export const InterruptACK: u32 = 0x064; // driver writes
export const Status: u32 = 0x070; // both
export const QueueDescLow: u32 = 0x080; // driver writes, high half at +4
export const QueueDriverLow: u32 = 0x090; // driver writes, high half at +4
export const QueueDeviceLow: u32 = 0x0a0; // driver writes, high half at +4
export const ConfigGeneration: u32 = 0x0fc; // device writes
export const Config: u32 = 0x100; // device configuration space starts here

// Bits of InterruptStatus
export const INTERRUPT_USED_BUFFER: u32 = 1;
export const INTERRUPT_CONFIG_CHANGE: u32 = 2;

export const MAGIC_VALUE: u32 = 0x74726976; // "virt"

const FIRST_FEATURE_NAME: i32 = 24;
const FEATURE_NAMES: StaticArray<string> = [
  "NOTIFY_ON_EMPTY",
  "",
  "",
  "ANY_LAYOUT",
  "INDIRECT_DESC",
  "EVENT_IDX",
  "UNUSED",
  "",
  "VERSION_1",
  "ACCESS_PLATFORM",
  "RING_PACKED",
  "IN_ORDER",
  "ORDER_PLATFORM",
  "SR_IOV",
  "NOTIFICATION_DATA",
  "NOTIF_CONFIG_DATA",
  "RING_RESET",
  "ADMIN_VQ",
  "",
  "SUSPEND",
];

/**
 * Name of a feature bit that all device types share, empty when the specification has none for it.
 */
export function virtioFeatureName(bit: i32): string {
  const index = bit - FIRST_FEATURE_NAME;
  return index >= 0 && index < FEATURE_NAMES.length ? FEATURE_NAMES[index] : "";
}
