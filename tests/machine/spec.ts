/**
 * The numbers of the specification that the device side uses, typed from its text (§2.1, §2.7,
 * §4.2.2, §4.2.4, §5.2, §6). Nothing here comes from the driver, so that a number misread there is
 * not misread here in the same way.
 */

export const MAGIC = 0x74726976;
export const DEVICE_ID_BLOCK = 2;
export const SECTOR_BYTES = 512;

export const Status = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  DEVICE_NEEDS_RESET: 64,
  FAILED: 128,
} as const;

/** Feature bit numbers: block device first, then the ones every device type shares. */
export const F = {
  BARRIER: 0,
  SIZE_MAX: 1,
  SEG_MAX: 2,
  GEOMETRY: 4,
  RO: 5,
  BLK_SIZE: 6,
  SCSI: 7,
  FLUSH: 9,
  TOPOLOGY: 10,
  CONFIG_WCE: 11,
  MQ: 12,
  DISCARD: 13,
  WRITE_ZEROES: 14,
  LIFETIME: 15,
  SECURE_ERASE: 16,
  ZONED: 17,
  NOTIFY_ON_EMPTY: 24,
  ANY_LAYOUT: 27,
  INDIRECT_DESC: 28,
  EVENT_IDX: 29,
  UNUSED: 30,
  VERSION_1: 32,
  ACCESS_PLATFORM: 33,
  RING_PACKED: 34,
  IN_ORDER: 35,
  ORDER_PLATFORM: 36,
  SR_IOV: 37,
  NOTIFICATION_DATA: 38,
  NOTIF_CONFIG_DATA: 39,
  RING_RESET: 40,
  ADMIN_VQ: 41,
  SUSPEND: 43,
} as const;

export const Desc = { BYTES: 16, NEXT: 1, WRITE: 2, INDIRECT: 4 } as const;
export const AVAIL_F_NO_INTERRUPT = 1;
export const USED_F_NO_NOTIFY = 1;
export const MAX_QUEUE_SIZE = 32768;

/** Interrupt status bits. */
export const ISR = { USED: 1, CONFIG: 2 } as const;

export type Version = 1 | 2;

export interface Register {
  readonly offset: number;
  readonly name: string;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  readonly versions: readonly Version[];
}

const BOTH = [1, 2] as const;
const LEGACY = [1] as const;
const MODERN = [2] as const;

function register(
  offset: number,
  name: string,
  direction: "R" | "W" | "RW",
  versions: readonly Version[],
): Register {
  return {
    offset,
    name,
    isReadable: direction.includes("R"),
    isWritable: direction.includes("W"),
    versions,
  };
}

export const CONFIG_START = 0x100;

/**
 * The shared memory registers are missing on purpose: a block device has no such region
 * (§4.2.3.1.1).
 */
export const REGISTERS: readonly Register[] = [
  register(0x000, "MagicValue", "R", BOTH),
  register(0x004, "Version", "R", BOTH),
  register(0x008, "DeviceID", "R", BOTH),
  register(0x00c, "VendorID", "R", BOTH),
  register(0x010, "DeviceFeatures", "R", BOTH),
  register(0x014, "DeviceFeaturesSel", "W", BOTH),
  register(0x020, "DriverFeatures", "W", BOTH),
  register(0x024, "DriverFeaturesSel", "W", BOTH),
  register(0x028, "GuestPageSize", "W", LEGACY),
  register(0x030, "QueueSel", "W", BOTH),
  register(0x034, "QueueSizeMax", "R", BOTH),
  register(0x038, "QueueSize", "W", BOTH),
  register(0x03c, "QueueAlign", "W", LEGACY),
  register(0x040, "QueuePFN", "RW", LEGACY),
  register(0x044, "QueueReady", "RW", MODERN),
  register(0x050, "QueueNotify", "W", BOTH),
  register(0x060, "InterruptStatus", "R", BOTH),
  register(0x064, "InterruptACK", "W", BOTH),
  register(0x070, "Status", "RW", BOTH),
  register(0x080, "QueueDescLow", "W", MODERN),
  register(0x084, "QueueDescHigh", "W", MODERN),
  register(0x090, "QueueDriverLow", "W", MODERN),
  register(0x094, "QueueDriverHigh", "W", MODERN),
  register(0x0a0, "QueueDeviceLow", "W", MODERN),
  register(0x0a4, "QueueDeviceHigh", "W", MODERN),
  register(0x0fc, "ConfigGeneration", "R", MODERN),
];

/** Request types (§5.2.6). */
export const T = {
  IN: 0,
  OUT: 1,
  SCSI_CMD: 2,
  SCSI_CMD_OUT: 3,
  FLUSH: 4,
  FLUSH_OUT: 5,
  GET_ID: 8,
  GET_LIFETIME: 10,
  DISCARD: 11,
  WRITE_ZEROES: 13,
  SECURE_ERASE: 14,
  ZONE_FIRST: 15,
  ZONE_LAST: 26,
} as const;

export const TYPE_BARRIER = 0x8000_0000;
export const HEADER_BYTES = 16;
export const ID_BYTES = 20;
export const LIFETIME_BYTES = 6;
export const RANGE_BYTES = 16;

export const S = { OK: 0, IOERR: 1, UNSUPP: 2, LAST_ZONED: 6 } as const;
