/**
 * What a block device says of itself (§5.2.4), checked before anything is computed from it.
 *
 * Refused with E_CONFIG: a capacity whose bytes do not fit 64 bits, a block size that is no power
 * of two from 512 to BLOCK_BYTES_MAX, limits that leave no room for one block in a request.
 */
import { place } from "../util/arena";
import { E_CONFIG, E_OK } from "../util/errors";
import { VIRTIO_F_INDIRECT_DESC } from "../virtio/layout";
import { CHAIN_DATA_LIMIT, CHAIN_FRAME_COUNT } from "../virtio/queue";
import { Transport, readConfigU64 } from "../virtio/transport";
import * as layout from "./layout";

/** Largest block size that is supported, in bytes. */
export const BLOCK_BYTES_MAX: u32 = 65536;

/** Largest request, in bytes. */
export const REQUEST_BYTES_MAX: u32 = 4 << 20;

/** Data buffers of a chain in the ring itself, where every one of them costs depth. */
const RING_DATA_COUNT: u32 = 2;

/** Limits of a request for ranges: DISCARD, WRITE_ZEROES or SECURE_ERASE. */
export class RangeLimits {
  /** Sectors in one range, and ranges in one request; 0 where the feature is not there. */
  sectorsMax: u32;
  rangesMax: u32;
  /** Sectors that a range starts on a multiple of, if it can; at least 1. */
  alignment: u32;

  read(transport: Transport, at: u32, hasAlignment: bool): void {
    this.sectorsMax = atLeastOne(transport.readConfig32(at));
    this.rangesMax = atLeastOne(transport.readConfig32(at + layout.CONFIG_RANGE_SEG));
    this.alignment = hasAlignment
      ? atLeastOne(transport.readConfig32(at + layout.CONFIG_RANGE_ALIGNMENT))
      : 1;
  }
}

/** A device that says 0 here is taken at its smallest word. */
function atLeastOne(value: u32): u32 {
  return max<u32>(value, 1);
}

export class BlkConfig {
  capacitySectors: u64;
  blockBytes: u32;
  /** Largest data buffer, in bytes. */
  segmentBytesMax: u32;
  /** Data buffers in one chain. */
  segmentCountMax: u32;
  /** Largest number of data bytes in one chain of one buffer: a multiple of the block size. */
  chainBytesMax: u32;
  // TOPOLOGY, in bytes; 0 where the device says nothing
  physicalBlockBytes: u32;
  alignmentOffsetBytes: u32;
  minimalIoBytes: u32;
  optimalIoBytes: u64;
  discard!: RangeLimits;
  writeZeroes!: RangeLimits;
  secureErase!: RangeLimits;

  init(): void {
    this.discard = place<RangeLimits>();
    this.writeZeroes = place<RangeLimits>();
    this.secureErase = place<RangeLimits>();
  }

  /** Reads the fields that go with `accepted`. Returns E_OK or E_CONFIG. */
  read(transport: Transport, accepted: u64, queueSize: u32): i32 {
    if (!this.readCapacity(transport)) return E_CONFIG;
    this.blockBytes =
      accepted & layout.VIRTIO_BLK_F_BLK_SIZE
        ? transport.readConfig32(layout.CONFIG_BLK_SIZE)
        : layout.SECTOR_BYTES;
    if (!isBlockSize(this.blockBytes)) return E_CONFIG;
    this.readTopology(transport, accepted);
    this.readRanges(transport, accepted);
    return this.readSegments(transport, accepted, queueSize - CHAIN_FRAME_COUNT);
  }

  /**
   * Reads the capacity, also after it has changed. False when it makes no sense; the old one then
   * stays.
   */
  readCapacity(transport: Transport): bool {
    const sectors = readConfigU64(transport, layout.CONFIG_CAPACITY);
    if (sectors > u64.MAX_VALUE / layout.SECTOR_BYTES) return false;
    this.capacitySectors = sectors;
    return true;
  }

  private readTopology(transport: Transport, accepted: u64): void {
    this.physicalBlockBytes = 0;
    if (!(accepted & layout.VIRTIO_BLK_F_TOPOLOGY)) return;
    const exponent = transport.readConfig8(layout.CONFIG_PHYSICAL_BLOCK_EXP);
    this.physicalBlockBytes = exponent < 16 ? this.blockBytes << exponent : 0;
    const offset = transport.readConfig8(layout.CONFIG_ALIGNMENT_OFFSET);
    this.alignmentOffsetBytes = offset * this.blockBytes;
    this.minimalIoBytes = transport.readConfig16(layout.CONFIG_MIN_IO_SIZE) * this.blockBytes;
    this.optimalIoBytes = <u64>transport.readConfig32(layout.CONFIG_OPT_IO_SIZE) * this.blockBytes;
  }

  private readRanges(transport: Transport, accepted: u64): void {
    if (accepted & layout.VIRTIO_BLK_F_DISCARD) {
      this.discard.read(transport, layout.CONFIG_MAX_DISCARD_SECTORS, true);
    }
    if (accepted & layout.VIRTIO_BLK_F_WRITE_ZEROES) {
      this.writeZeroes.read(transport, layout.CONFIG_MAX_WRITE_ZEROES_SECTORS, false);
    }
    if (accepted & layout.VIRTIO_BLK_F_SECURE_ERASE) {
      this.secureErase.read(transport, layout.CONFIG_MAX_SECURE_ERASE_SECTORS, true);
    }
  }

  /**
   * Limits of 0 mean that there is none (§5.2.4); a chain never has more descriptors than the
   * queue.
   */
  private readSegments(transport: Transport, accepted: u64, segmentsInQueue: u32): i32 {
    this.segmentBytesMax = REQUEST_BYTES_MAX;
    let countMax = min(segmentsInQueue, CHAIN_DATA_LIMIT);
    if (accepted & layout.VIRTIO_BLK_F_SIZE_MAX) {
      const sizeMax = transport.readConfig32(layout.CONFIG_SIZE_MAX);
      if (sizeMax != 0) this.segmentBytesMax = min(sizeMax, REQUEST_BYTES_MAX);
    }
    if (accepted & layout.VIRTIO_BLK_F_SEG_MAX) {
      const segMax = transport.readConfig32(layout.CONFIG_SEG_MAX);
      if (segMax != 0) countMax = min(segMax, countMax);
    }
    if (!(accepted & VIRTIO_F_INDIRECT_DESC)) countMax = min(countMax, this.segmentsInRing());
    this.segmentCountMax = countMax;
    const bytes = min(<u64>this.segmentBytesMax * countMax, <u64>REQUEST_BYTES_MAX);
    this.chainBytesMax = (<u32>bytes) & ~(this.blockBytes - 1);
    return this.chainBytesMax > 0 ? E_OK : E_CONFIG;
  }

  /** As many as a block needs, or RING_DATA_COUNT. */
  private segmentsInRing(): u32 {
    const segments = (this.blockBytes + this.segmentBytesMax - 1) / this.segmentBytesMax;
    return max(segments, RING_DATA_COUNT);
  }

  /** Whether `lba` and `lengthBytes` are whole blocks. */
  isAligned(lba: u64, lengthBytes: u32): bool {
    const mask = this.blockBytes - 1;
    return (((<u32>lba * layout.SECTOR_BYTES) | lengthBytes) & mask) == 0;
  }

  /** Whether the sectors from `lba` on are on the disk, without overflow. */
  isInside(lba: u64, sectorCount: u64): bool {
    return sectorCount <= this.capacitySectors && lba <= this.capacitySectors - sectorCount;
  }
}

function isBlockSize(bytes: u32): bool {
  return bytes >= layout.SECTOR_BYTES && bytes <= BLOCK_BYTES_MAX && popcnt(bytes) == 1;
}
