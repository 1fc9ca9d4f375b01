/**
 * The numbered tests of blktest. A test is a row of stages; each begins an operation, or looks at
 * what the one before has brought, or both.
 *
 * They write to the scratch range alone: the last bytes of the disk, whose content is saved before
 * and restored after all of them.
 */
import { rangeFeature, rangeLimits } from "../blk/checks";
import { REQUEST_BYTES_MAX } from "../blk/config";
import { BlkDevice } from "../blk/device";
import * as layout from "../blk/layout";
import { PatternSource } from "../io/sources";
import { place, reserve } from "../util/arena";
import { sameBytes } from "../util/bytes";
import * as err from "../util/errors";
import { TestIo, burstBlock } from "./blktest_io";

const SECTOR_BYTES: u32 = layout.SECTOR_BYTES;

/** From a stage: the next one follows at once, or this one again in the next slice. */
const NEXT: i32 = 2;
const AGAIN: i32 = 3;
/** The disk does not offer what a test is about. */
export const SKIPPED: i32 = 4;

export const TEST_COUNT: i32 = 13;

const NAMES: StaticArray<string> = [
  "read sector 0",
  "read 8 sectors",
  "read a far sector",
  "write 8 sectors",
  "verify what was written",
  "write unaligned bytes",
  "flush",
  "discard",
  "write zeros",
  "write and read the last sector",
  "past the end of the disk",
  "largest request",
  "full queue, out of order",
];

/** The same tests in the markers of selftest. */
const MARKERS: StaticArray<string> = [
  "read",
  "read-8",
  "read-far",
  "write",
  "verify",
  "unaligned",
  "flush",
  "discard",
  "zero",
  "last-sector",
  "past-end",
  "largest",
  "full-queue",
];

const SMALL_BYTES: u32 = 8 * SECTOR_BYTES;

/** The ragged write: where in the scratch range, and how long. */
const RAGGED_OFFSET: u32 = SMALL_BYTES + 13;
const RAGGED_BYTES: u32 = 1000;

/** Smallest scratch range that the tests have room in. */
export const SCRATCH_BYTES_MIN: u32 = 8 * SMALL_BYTES;

const COMPARE_BYTES: u32 = 128 << 10;
const PATTERN_SEED: u64 = 0x5eed;

export function testName(test: i32): string {
  return NAMES[test];
}

export function testMarker(test: i32): string {
  return MARKERS[test];
}

export class Tests {
  io!: TestIo;
  disk!: BlkDevice;
  /** The scratch range, its saved content, and as much memory to work in. */
  scratchOffset: u64;
  scratchBytes: u32;
  savedPtr: usize;
  workPtr: usize;
  /** Why the scratch range could not be saved, so that nothing is written. */
  saveError: i32;
  /** Whether something has been written, or may have been. */
  hasWritten: bool;

  private pattern!: PatternSource;
  private rangePtr: usize;
  private stage: i32;
  private comparedBytes: u32;

  init(): void {
    this.io = place<TestIo>();
    this.io.init();
    this.pattern = place<PatternSource>();
    this.pattern.init();
    this.rangePtr = reserve(offsetof<layout.BlkRange>(), 16);
  }

  /** Divides the memory, and chooses the scratch range. */
  prepare(disk: BlkDevice, bulkPtr: usize): void {
    const blockBytes = disk.config.blockBytes;
    const capacity = disk.config.capacitySectors * SECTOR_BYTES;
    const end = capacity - (capacity % blockBytes);
    this.disk = disk;
    this.scratchBytes = <u32>min<u64>(end, REQUEST_BYTES_MAX);
    this.scratchOffset = end - this.scratchBytes;
    this.savedPtr = bulkPtr;
    this.workPtr = bulkPtr + REQUEST_BYTES_MAX;
    this.hasWritten = false;
    this.pattern.use(PATTERN_SEED);
  }

  /** Starts with a test. */
  begin(): void {
    this.stage = 0;
    this.comparedBytes = 0;
  }

  /** One slice of test number `test`. PENDING, then E_OK, SKIPPED or why it has failed. */
  go(test: i32, isWaiting: bool): i32 {
    if (isWaiting) {
      const result = this.io.result();
      if (result != err.E_OK) return result;
      this.stage += 1;
    }
    let result = this.run(test, this.stage);
    while (result == NEXT) {
      this.stage += 1;
      result = this.run(test, this.stage);
    }
    return result;
  }

  /** Whether `result` of `go` means to look again without an operation under way. */
  isAgain(result: i32): bool {
    return result == AGAIN;
  }

  private run(test: i32, stage: i32): i32 {
    switch (test) {
      case 0:
        return stage == 0 ? this.read(0, 0, SECTOR_BYTES) : err.E_OK;
      case 1:
        return stage == 0 ? this.read(0, SMALL_BYTES, SMALL_BYTES) : this.compareSmall();
      case 2:
        return stage == 0 ? this.read(this.farOffset(), 0, SECTOR_BYTES) : err.E_OK;
      case 3:
        return stage == 0 ? this.writePattern() : err.E_OK;
      case 4:
        return stage == 0 ? this.readPattern() : this.comparePattern();
      case 5:
        return this.ragged(stage);
      case 6:
        return stage == 0 ? this.flush() : err.E_OK;
      case 7:
        return stage == 0 ? this.range(layout.VIRTIO_BLK_T_DISCARD) : err.E_OK;
      case 8:
        return this.zero(stage);
      case 9:
        return this.lastSector(stage);
      case 10:
        return this.pastEnd();
      case 11:
        return this.largest(stage);
      default:
        return this.fullQueue(stage);
    }
  }

  /** Reads to an offset of the memory to work in. */
  private read(offset: u64, workOffset: u32, lengthBytes: u32): i32 {
    return next(this.io.read(this.disk, offset, this.workPtr + workOffset, lengthBytes));
  }

  /** Writes from there to the scratch range. */
  private write(scratchOffset: u32, workOffset: u32, lengthBytes: u32): i32 {
    const error = this.writeError();
    if (error != err.E_OK) return error;
    this.hasWritten = true;
    const offset = this.scratchOffset + scratchOffset;
    return next(this.io.write(this.disk, offset, this.workPtr + workOffset, lengthBytes));
  }

  /** Why nothing may be written: SKIPPED, an error, or E_OK when it may. */
  private writeError(): i32 {
    return this.disk.isReadOnly() ? SKIPPED : this.saveError;
  }

  private same(firstOffset: u32, secondOffset: u32, lengthBytes: u32): i32 {
    const firstPtr = this.workPtr + firstOffset;
    const secondPtr = this.workPtr + secondOffset;
    const same = sameBytes(firstPtr, secondPtr, lengthBytes);
    return same == lengthBytes ? err.E_OK : err.E_DIFFERENT;
  }

  private farOffset(): u64 {
    return (this.disk.config.capacitySectors / 4) * 3 * SECTOR_BYTES;
  }

  /** Sector 0, read by itself and with the seven behind it. */
  private compareSmall(): i32 {
    return this.same(0, SMALL_BYTES, SECTOR_BYTES);
  }

  private makePattern(workOffset: u32): void {
    this.pattern.make(this.workPtr + workOffset, this.scratchOffset, SMALL_BYTES);
  }

  private writePattern(): i32 {
    this.makePattern(0);
    return this.write(0, 0, SMALL_BYTES);
  }

  private readPattern(): i32 {
    const error = this.writeError();
    if (error != err.E_OK) return error;
    return this.read(this.scratchOffset, SMALL_BYTES, SMALL_BYTES);
  }

  private comparePattern(): i32 {
    this.makePattern(0);
    return this.same(0, SMALL_BYTES, SMALL_BYTES);
  }

  /** Ragged bytes change, and those around them do not. */
  private ragged(stage: i32): i32 {
    const around = 4 * SMALL_BYTES;
    if (stage == 0) {
      const error = this.writeError();
      return error == err.E_OK ? this.read(this.scratchOffset, 0, around) : error;
    }
    if (stage == 1) {
      this.pattern.make(this.workPtr + RAGGED_OFFSET, 0, RAGGED_BYTES);
      return this.write(RAGGED_OFFSET, RAGGED_OFFSET, RAGGED_BYTES);
    }
    if (stage == 2) return this.read(this.scratchOffset, around, around);
    return this.same(0, around, around);
  }

  private flush(): i32 {
    if (!this.disk.has(layout.VIRTIO_BLK_F_FLUSH)) return SKIPPED;
    return next(this.io.request(this.disk, layout.VIRTIO_BLK_T_FLUSH, 0, 0, 0));
  }

  /** Discards or zeroes the first sectors of the scratch range. */
  private range(type: u32): i32 {
    if (!this.disk.has(rangeFeature(type))) return SKIPPED;
    const error = this.writeError();
    if (error != err.E_OK) return error;
    const range = changetype<layout.BlkRange>(this.rangePtr);
    range.sector = this.scratchOffset / SECTOR_BYTES;
    range.sectorCount = this.rangeBytes(type) / SECTOR_BYTES;
    range.flags = 0;
    this.hasWritten = true;
    const bytes = <u32>offsetof<layout.BlkRange>();
    return next(this.io.request(this.disk, type, 0, this.rangePtr, bytes));
  }

  /** Eight sectors, or a block, as far as the device takes as many. */
  private rangeBytes(type: u32): u32 {
    const wanted = max(SMALL_BYTES, this.disk.config.blockBytes);
    const sectorsMax = rangeLimits(this.disk.config, type).sectorsMax;
    return min<u32>(wanted / SECTOR_BYTES, sectorsMax) * SECTOR_BYTES;
  }

  private zero(stage: i32): i32 {
    const type = layout.VIRTIO_BLK_T_WRITE_ZEROES;
    if (stage == 0) return this.range(type);
    const bytes = this.rangeBytes(type);
    if (stage == 1) return this.read(this.scratchOffset, bytes, bytes);
    memory.fill(this.workPtr, 0, bytes);
    return this.same(0, bytes, bytes);
  }

  private lastSector(stage: i32): i32 {
    const last = this.scratchBytes - SECTOR_BYTES;
    this.pattern.make(this.workPtr, this.scratchOffset + last, SECTOR_BYTES);
    if (stage == 0) return this.write(last, 0, SECTOR_BYTES);
    if (stage == 1) return this.read(this.scratchOffset + last, SECTOR_BYTES, SECTOR_BYTES);
    return this.same(0, SECTOR_BYTES, SECTOR_BYTES);
  }

  /** Nothing behind the end may be reached, nor anything that only begins before it. */
  private pastEnd(): i32 {
    const capacity = this.disk.config.capacitySectors * SECTOR_BYTES;
    const isRefused =
      this.io.read(this.disk, capacity, this.workPtr, 1) == err.E_RANGE &&
      this.io.read(this.disk, capacity - 1, this.workPtr, 2) == err.E_RANGE &&
      this.io.read(this.disk, u64.MAX_VALUE, this.workPtr, 2) == err.E_RANGE;
    return isRefused ? err.E_OK : err.E_RANGE;
  }

  /** One request writes what was saved, another one reads it. */
  private largest(stage: i32): i32 {
    const lba = this.scratchOffset / SECTOR_BYTES;
    const bytes = this.scratchBytes;
    const disk = this.disk;
    if (this.saveError != err.E_OK) return this.saveError;
    if (stage == 0) {
      if (disk.isReadOnly()) return NEXT;
      return next(this.io.request(disk, layout.VIRTIO_BLK_T_OUT, lba, this.savedPtr, bytes));
    }
    if (stage == 1) {
      return next(this.io.request(disk, layout.VIRTIO_BLK_T_IN, lba, this.workPtr, bytes));
    }
    const at = this.comparedBytes;
    const length = min(bytes - at, COMPARE_BYTES);
    if (sameBytes(this.workPtr + at, this.savedPtr + at, length) != length) return err.E_DIFFERENT;
    this.comparedBytes = at + length;
    return this.comparedBytes < bytes ? AGAIN : err.E_OK;
  }

  /** As many reads as there are slots and memory for, after which all buffers must be right. */
  private fullQueue(stage: i32): i32 {
    const disk = this.disk;
    const bytes = disk.config.blockBytes;
    const count = min(disk.queue.chainCount, REQUEST_BYTES_MAX / bytes);
    const blocks = this.scratchBytes / bytes;
    if (this.saveError != err.E_OK) return this.saveError;
    if (stage == 0) {
      if (disk.isReadOnly()) return NEXT;
      return next(this.io.write(disk, this.scratchOffset, this.savedPtr, this.scratchBytes));
    }
    if (stage == 1) {
      memory.fill(this.workPtr, 0, <usize>count * bytes);
      const lba = this.scratchOffset / SECTOR_BYTES;
      return next(this.io.reads(disk, lba, blocks, count, this.workPtr));
    }
    for (let i: u32 = 0; i < count; ++i) {
      const foundPtr = this.workPtr + <usize>i * bytes;
      const savedPtr = this.savedPtr + <usize>burstBlock(i, blocks) * bytes;
      if (sameBytes(foundPtr, savedPtr, bytes) != bytes) return err.E_DIFFERENT;
    }
    return err.E_OK;
  }
}

/** What a stage returns when an operation has begun, or has ended already. */
function next(result: i32): i32 {
  return result == err.E_OK ? NEXT : result;
}
