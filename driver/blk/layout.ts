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
export const VIRTIO_BLK_F_TOPOLOGY: u64 = 1 << 10;
export const VIRTIO_BLK_F_CONFIG_WCE: u64 = 1 << 11;
export const VIRTIO_BLK_F_DISCARD: u64 = 1 << 13;
export const VIRTIO_BLK_F_WRITE_ZEROES: u64 = 1 << 14;
export const VIRTIO_BLK_F_LIFETIME: u64 = 1 << 15;
export const VIRTIO_BLK_F_SECURE_ERASE: u64 = 1 << 16;

// Configuration space (§5.2.4); a field is there only with its feature. The device writes all of it
// but `writeback`
export const CONFIG_CAPACITY: u32 = 0; // u64, sectors
export const CONFIG_SIZE_MAX: u32 = 8; // u32, bytes, SIZE_MAX
export const CONFIG_SEG_MAX: u32 = 12; // u32, SEG_MAX
export const CONFIG_BLK_SIZE: u32 = 20; // u32, bytes, BLK_SIZE
export const CONFIG_PHYSICAL_BLOCK_EXP: u32 = 24; // u8, log2 of blocks, TOPOLOGY
export const CONFIG_ALIGNMENT_OFFSET: u32 = 25; // u8, blocks, TOPOLOGY
export const CONFIG_MIN_IO_SIZE: u32 = 26; // u16, blocks, TOPOLOGY
export const CONFIG_OPT_IO_SIZE: u32 = 28; // u32, blocks, TOPOLOGY
export const CONFIG_WRITEBACK: u32 = 32; // u8, both write, CONFIG_WCE
export const CONFIG_MAX_DISCARD_SECTORS: u32 = 36; // u32, DISCARD
export const CONFIG_MAX_WRITE_ZEROES_SECTORS: u32 = 48; // u32, WRITE_ZEROES
export const CONFIG_MAX_SECURE_ERASE_SECTORS: u32 = 60; // u32, SECURE_ERASE
// Behind each of these three: u32 largest number of segments; and, but for WRITE_ZEROES, u32
// alignment in sectors
export const CONFIG_RANGE_SEG: u32 = 4;
export const CONFIG_RANGE_ALIGNMENT: u32 = 8;

// Request types (§5.2.6)
export const VIRTIO_BLK_T_IN: u32 = 0;
export const VIRTIO_BLK_T_OUT: u32 = 1;
export const VIRTIO_BLK_T_FLUSH: u32 = 4;
export const VIRTIO_BLK_T_GET_ID: u32 = 8;
export const VIRTIO_BLK_T_GET_LIFETIME: u32 = 10;
export const VIRTIO_BLK_T_DISCARD: u32 = 11;
export const VIRTIO_BLK_T_WRITE_ZEROES: u32 = 13;
export const VIRTIO_BLK_T_SECURE_ERASE: u32 = 14;

/** Bytes of the serial number that GET_ID reads; it has no end mark when it fills them. */
export const VIRTIO_BLK_ID_BYTES: u32 = 20;

/** Bytes that GET_LIFETIME reads: pre_eol_info and two estimates, u16 each. */
export const LIFETIME_BYTES: u32 = 6;

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

/** A range of sectors to discard, zero or erase, written by the driver. */
@unmanaged
export class BlkRange {
  sector: u64;
  sectorCount: u32;
  flags: u32;
}

/** Flag of a range to zero: the device may free the sectors instead (§5.2.6). */
export const RANGE_F_UNMAP: u32 = 1;

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
