/**
 * The volume that is mounted: where it is, what its superblock says, how far the log has come, and
 * the memory that the operations share. One operation runs at a time.
 */
import { BLOCK_BYTES_MAX } from "../blk/config";
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES, VIRTIO_BLK_F_FLUSH } from "../blk/layout";
import { place, reserve } from "../util/arena";
import * as err from "../util/errors";
import { KeyIndex } from "./key_index";
import * as layout from "./layout";
import { Flush, Operation, Transfer } from "./operation";

/** Units of a half that only removals may use, so that a full store can be emptied. */
const RESERVE_UNITS: u32 = 8;

/** A half must hold the reserve and some records. */
const HALF_UNITS_MIN: u32 = 4 * RESERVE_UNITS;

export class Volume {
  isMounted: bool;
  disk!: BlkDevice;
  firstLba: u64;
  unitBytes: u32;
  unitCount: u32;
  volumeId: u64;
  commit: u64;
  half: u32;
  epoch: u32;
  generation: u32;
  committedUnits: u32;
  /** Where the log of the half in use ends. */
  headUnits: u32;
  lastSequence: u64;
  /** Records behind the end may look valid: a commit with a new generation comes first. */
  needsGeneration: bool;
  /** E_OK, or why nothing may be written any more. */
  failure: i32;
  index!: KeyIndex;
  transfer!: Transfer;
  flush!: Flush;
  /** One unit, for whoever writes one. */
  unitPtr: usize;

  init(): void {
    this.index = place<KeyIndex>();
    this.index.init();
    this.transfer = place<Transfer>();
    this.transfer.init();
    this.flush = place<Flush>();
    this.flush.init();
    this.unitPtr = reserve(BLOCK_BYTES_MAX, 16);
  }

  /** Takes a geometry that is one; nothing is mounted then. */
  setGeometry(disk: BlkDevice, firstLba: u64, unitBytes: u32, unitCount: u32): void {
    this.isMounted = false;
    this.disk = disk;
    this.firstLba = firstLba;
    this.unitBytes = unitBytes;
    this.unitCount = unitCount;
  }

  halfUnits(): u32 {
    return halfUnitsOf(this.unitBytes, this.unitCount);
  }

  /** Units that records other than removals may fill. */
  usableUnits(): u32 {
    return this.halfUnits() - RESERVE_UNITS;
  }

  /** The unit of the volume that is unit `at` of half `half`. */
  placeOf(half: u32, at: u32): u32 {
    return layout.HALVES_BYTE / this.unitBytes + half * this.halfUnits() + at;
  }

  /** Units of a record. */
  unitsFor(keyBytes: u32, valueBytes: u32): u32 {
    const bytes = layout.RECORD_HEADER_BYTES + keyBytes + valueBytes;
    return (bytes + this.unitBytes - 1) / this.unitBytes;
  }

  /** The sector of the disk in which unit `place` begins. */
  sectorOf(place: u32): u64 {
    return this.firstLba + <u64>place * (this.unitBytes / SECTOR_BYTES);
  }

  private byteOf(place: u32): u64 {
    return this.sectorOf(place) * SECTOR_BYTES;
  }

  /** Reads `lengthBytes` from byte `skip` of unit `place` on. */
  read(place: u32, skip: u32, ptr: usize, lengthBytes: u32): Operation {
    return this.transfer.read(this.disk, this.byteOf(place) + skip, ptr, lengthBytes);
  }

  /** Writes whole units from unit `place` on. */
  write(place: u32, ptr: usize, lengthBytes: u32): Operation {
    return this.transfer.write(this.disk, this.byteOf(place), ptr, lengthBytes);
  }

  /** Writes a superblock, a whole unit of it. */
  writeSuperBlock(slot: u32, ptr: usize): Operation {
    const offset = this.firstLba * SECTOR_BYTES + slot * layout.SUPER_STRIDE;
    return this.transfer.write(this.disk, offset, ptr, this.unitBytes);
  }

  /** Whether a superblock that is known to be stable covers all of the log. */
  isCommitted(): bool {
    return !this.needsGeneration && this.headUnits == this.committedUnits;
  }

  /** Why nothing can be written, or E_OK. */
  checkWritable(): i32 {
    if (!this.isMounted) return err.E_NOT_MOUNTED;
    return this.failure != err.E_OK ? this.failure : checkDisk(this.disk);
  }
}

/** Why a disk cannot keep the promise, or E_OK (§5.2.5.1). */
export function checkDisk(disk: BlkDevice): i32 {
  if (disk.isReadOnly()) return err.E_READ_ONLY;
  const isStable = disk.has(VIRTIO_BLK_F_FLUSH) || !disk.hasWriteCache();
  return isStable ? err.E_OK : err.E_NO_FLUSH;
}

/** Units of a half; the volume has more units than the superblocks. */
function halfUnitsOf(unitBytes: u32, unitCount: u32): u32 {
  return (unitCount - layout.HALVES_BYTE / unitBytes) >> 1;
}

/** Whether a volume can have so many units of this size. */
export function isGeometry(unitBytes: u32, unitCount: u32): bool {
  const isUnit = popcnt(unitBytes) == 1 && unitBytes >= 512 && unitBytes <= BLOCK_BYTES_MAX;
  if (!isUnit || unitCount <= layout.HALVES_BYTE / unitBytes) return false;
  return halfUnitsOf(unitBytes, unitCount) >= HALF_UNITS_MIN;
}
