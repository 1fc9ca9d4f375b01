/**
 * Wire formats of the block device (§5.2): features, configuration space, requests.
 *
 *   header, written by the driver         data           status, written by the device
 *   +----------+--------------+----------+ +------------+ +----+
 *   | type u32 | reserved u32 | sector   | | 512 x k    | | u8 |
 *   |          |              | u64      | |            | |    |
 *   +----------+--------------+----------+ +------------+ +----+
 */

/** DeviceID of a block device (§5). */
export const VIRTIO_ID_BLOCK: u32 = 2;

// Feature bits (§5.2.3)
export const VIRTIO_BLK_F_SIZE_MAX: u64 = 1 << 1;
export const VIRTIO_BLK_F_SEG_MAX: u64 = 1 << 2;
export const VIRTIO_BLK_F_RO: u64 = 1 << 5;
export const VIRTIO_BLK_F_BLK_SIZE: u64 = 1 << 6;
export const VIRTIO_BLK_F_FLUSH: u64 = 1 << 9;

// Configuration space (§5.2.4), written by the device; a field is there only with its feature
export const CONFIG_CAPACITY: u32 = 0; // u64, in sectors
export const CONFIG_SIZE_MAX: u32 = 8; // u32, bytes, SIZE_MAX
export const CONFIG_SEG_MAX: u32 = 12; // u32, SEG_MAX
export const CONFIG_BLK_SIZE: u32 = 20; // u32, bytes, BLK_SIZE

// Request types (§5.2.6)
export const VIRTIO_BLK_T_IN: u32 = 0;
export const VIRTIO_BLK_T_OUT: u32 = 1;
export const VIRTIO_BLK_T_FLUSH: u32 = 4;

// Status byte (§5.2.6), and what the driver puts there before the device does
export const VIRTIO_BLK_S_OK: u8 = 0;
export const VIRTIO_BLK_S_IOERR: u8 = 1;
export const VIRTIO_BLK_S_UNSUPP: u8 = 2;
export const STATUS_UNTOUCHED: u8 = 0xff;

/** Request header, written by the driver. */
@unmanaged
export class BlkRequestHeader {
  type: u32;
  reserved: u32;
  sector: u64;
}

/** The unit of all positions and capacities, in bytes, whatever the block size is. */
export const SECTOR_BYTES: u32 = 512;

const FEATURE_NAMES: StaticArray<string> = [
  "BARRIER",
  "SIZE_MAX",
  "SEG_MAX",
  "",
  "GEOMETRY",
  "RO",
  "BLK_SIZE",
  "SCSI",
  "",
  "FLUSH",
  "TOPOLOGY",
  "CONFIG_WCE",
  "MQ",
  "DISCARD",
  "WRITE_ZEROES",
  "LIFETIME",
  "SECURE_ERASE",
  "ZONED",
];

/** Name of a feature bit of the block device, empty when the specification has none for it. */
export function blkFeatureName(bit: i32): string {
  return bit < FEATURE_NAMES.length ? FEATURE_NAMES[bit] : "";
}
