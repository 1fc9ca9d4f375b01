/**
 * What is checked before a request is sent: the device's rules for each type (§5.2.6.1), and that
 * the memory is ours.
 */
import * as err from "../util/errors";
import { BlkConfig, RangeLimits, REQUEST_BYTES_MAX } from "./config";
import { BlkDevice } from "./device";
import * as layout from "./layout";
import { Buffer } from "./request";

/** Whether `lengthBytes` from `ptr` on are in linear memory. */
export function isMemory(ptr: usize, lengthBytes: u64): bool {
  return <u64>ptr + lengthBytes <= (<u64>memory.size()) << 16;
}

/**
 * Checks everything but reads and writes, which `checkTransfer` does. Returns E_OK or why the
 * request is refused.
 */
export function checkSpecial(
  disk: BlkDevice,
  type: u32,
  lba: u64,
  ptr: usize,
  lengthBytes: u32,
): i32 {
  if (lba != 0 || !isMemory(ptr, lengthBytes)) return err.E_ARGUMENT;
  if (isRangeType(type)) return checkRanges(disk, type, ptr, lengthBytes);
  switch (type) {
    case layout.VIRTIO_BLK_T_FLUSH:
      return checkLength(disk.has(layout.VIRTIO_BLK_F_FLUSH), lengthBytes, 0);
    case layout.VIRTIO_BLK_T_GET_ID:
      return checkLength(true, lengthBytes, layout.VIRTIO_BLK_ID_BYTES);
    case layout.VIRTIO_BLK_T_GET_LIFETIME:
      return checkLength(
        disk.has(layout.VIRTIO_BLK_F_LIFETIME),
        lengthBytes,
        layout.LIFETIME_BYTES,
      );
    default:
      return err.E_ARGUMENT;
  }
}

function checkLength(isOffered: bool, lengthBytes: u32, expected: u32): i32 {
  if (!isOffered) return err.E_NOT_OFFERED;
  return lengthBytes == expected ? err.E_OK : err.E_ARGUMENT;
}

/** Whether requests of this type carry a list of ranges. */
export function isRangeType(type: u32): bool {
  return (
    type == layout.VIRTIO_BLK_T_DISCARD ||
    type == layout.VIRTIO_BLK_T_WRITE_ZEROES ||
    type == layout.VIRTIO_BLK_T_SECURE_ERASE
  );
}

/** The limits for a request of this type. */
export function rangeLimits(config: BlkConfig, type: u32): RangeLimits {
  if (type == layout.VIRTIO_BLK_T_DISCARD) return config.discard;
  return type == layout.VIRTIO_BLK_T_WRITE_ZEROES ? config.writeZeroes : config.secureErase;
}

/** The feature that a request for ranges needs. */
export function rangeFeature(type: u32): u64 {
  if (type == layout.VIRTIO_BLK_T_DISCARD) return layout.VIRTIO_BLK_F_DISCARD;
  return type == layout.VIRTIO_BLK_T_WRITE_ZEROES
    ? layout.VIRTIO_BLK_F_WRITE_ZEROES
    : layout.VIRTIO_BLK_F_SECURE_ERASE;
}

function checkRanges(disk: BlkDevice, type: u32, ptr: usize, lengthBytes: u32): i32 {
  const limits = rangeLimits(disk.config, type);
  const rangeBytes = offsetof<layout.BlkRange>();
  const count = lengthBytes / <u32>rangeBytes;
  if (!disk.has(rangeFeature(type))) return err.E_NOT_OFFERED;
  if (disk.isReadOnly()) return err.E_READ_ONLY;
  if (count == 0 || count > limits.rangesMax || lengthBytes % <u32>rangeBytes != 0) {
    return err.E_ARGUMENT;
  }
  // The list is one chain: a second one would have a sector in its header
  if (lengthBytes > disk.config.chainBytesMax) return err.E_TOO_LONG;
  const flags: u32 = type == layout.VIRTIO_BLK_T_WRITE_ZEROES ? layout.RANGE_F_UNMAP : 0;
  for (let i: u32 = 0; i < count; ++i) {
    const range = changetype<layout.BlkRange>(ptr + <usize>i * rangeBytes);
    const error = checkRange(disk.config, limits, range, flags);
    if (error != err.E_OK) return error;
  }
  return err.E_OK;
}

/** `flags` are those that the type allows. */
function checkRange(
  config: BlkConfig,
  limits: RangeLimits,
  range: layout.BlkRange,
  flags: u32,
): i32 {
  if (range.sectorCount == 0 || (range.flags & ~flags) != 0) return err.E_ARGUMENT;
  if (range.sectorCount > limits.sectorsMax) return err.E_TOO_LONG;
  if (!config.isInside(range.sector, range.sectorCount)) return err.E_RANGE;
  return config.isAligned(range.sector | range.sectorCount, 0) ? err.E_OK : err.E_ALIGN;
}

/**
 * The length of all the buffers in a list, or a negative error when one of them is empty or not
 * memory of ours.
 */
export function checkBuffers(listPtr: usize, count: u32): i32 {
  if (!isMemory(listPtr, <u64>count * offsetof<Buffer>())) return err.E_ARGUMENT;
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < count; ++i) {
    const buffer = changetype<Buffer>(listPtr + <usize>i * offsetof<Buffer>());
    if (buffer.lengthBytes == 0 || !isMemory(buffer.ptr, buffer.lengthBytes)) return err.E_ARGUMENT;
    bytes += buffer.lengthBytes;
    if (bytes > REQUEST_BYTES_MAX) return err.E_TOO_LONG;
  }
  return <i32>bytes;
}
