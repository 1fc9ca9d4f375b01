/**
 * What a block device says of itself (§5.2.4), checked before anything is computed from it.
 *
 * Refused with E_CONFIG: a capacity whose bytes do not fit 64 bits, a block size that is no power
 * of two from 512 to BLOCK_BYTES_MAX, limits that leave no room for one block in a request.
 */
import { Transport, readConfigU64 } from "../virtio/transport";
import { E_CONFIG, E_OK } from "../util/errors";
import * as layout from "./layout";

/** Largest block size that is supported, in bytes. */
export const BLOCK_BYTES_MAX: u32 = 65536;

/** Largest request, in bytes. */
export const REQUEST_BYTES_MAX: u32 = 4 << 20;

/** Header and status descriptors around the data of a request. */
const FRAME_DESCRIPTORS: u32 = 2;

export class BlkConfig {
  capacitySectors: u64;
  blockBytes: u32;
  /** Largest data segment, in bytes. */
  segmentBytesMax: u32;
  /** Largest number of data bytes in one chain: a multiple of the block size. */
  chainBytesMax: u32;

  /** Reads the fields that go with `accepted`. Returns E_OK or E_CONFIG. */
  read(transport: Transport, accepted: u64, queueSize: u32): i32 {
    this.capacitySectors = readConfigU64(transport, layout.CONFIG_CAPACITY);
    if (this.capacitySectors > u64.MAX_VALUE / layout.SECTOR_BYTES) return E_CONFIG;
    this.blockBytes =
      accepted & layout.VIRTIO_BLK_F_BLK_SIZE
        ? transport.readConfig32(layout.CONFIG_BLK_SIZE)
        : layout.SECTOR_BYTES;
    if (!isBlockSize(this.blockBytes)) return E_CONFIG;
    return this.readLimits(transport, accepted, queueSize - FRAME_DESCRIPTORS);
  }

  /**
   * Limits of 0 mean that there is none (§5.2.4); a chain never has more descriptors than the
   * queue.
   */
  private readLimits(transport: Transport, accepted: u64, segmentsInQueue: u32): i32 {
    this.segmentBytesMax = REQUEST_BYTES_MAX;
    let segmentCountMax = segmentsInQueue;
    if (accepted & layout.VIRTIO_BLK_F_SIZE_MAX) {
      const sizeMax = transport.readConfig32(layout.CONFIG_SIZE_MAX);
      if (sizeMax != 0) this.segmentBytesMax = min(sizeMax, REQUEST_BYTES_MAX);
    }
    if (accepted & layout.VIRTIO_BLK_F_SEG_MAX) {
      const segMax = transport.readConfig32(layout.CONFIG_SEG_MAX);
      if (segMax != 0) segmentCountMax = min(segMax, segmentsInQueue);
    }
    const bytes = min(<u64>this.segmentBytesMax * segmentCountMax, <u64>REQUEST_BYTES_MAX);
    this.chainBytesMax = (<u32>bytes) & ~(this.blockBytes - 1);
    return this.chainBytesMax > 0 ? E_OK : E_CONFIG;
  }

  /** Whether `lba` and `lengthBytes` are whole blocks. */
  isAligned(lba: u64, lengthBytes: u32): bool {
    const mask = this.blockBytes - 1;
    return ((lba * layout.SECTOR_BYTES) & mask) == 0 && (lengthBytes & mask) == 0;
  }

  /** Whether the sectors from `lba` on are on the disk, without overflow. */
  isInside(lba: u64, sectorCount: u64): bool {
    return sectorCount <= this.capacitySectors && lba <= this.capacitySectors - sectorCount;
  }
}

function isBlockSize(bytes: u32): bool {
  return bytes >= layout.SECTOR_BYTES && bytes <= BLOCK_BYTES_MAX && popcnt(bytes) == 1;
}
