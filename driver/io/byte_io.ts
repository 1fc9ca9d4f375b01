/**
 * Bytes of a disk at any offset and of any length, on disks of any block size.
 *
 *            block          block          block          block
 *   |----------.....|..............|..............|....---------|
 *              ^ head               middle             ^ tail
 *
 * Whole blocks go straight between the disk and the caller's memory, several requests at a time.
 * The ragged ends go through one bounce block: a ragged write reads the block, changes its part of
 * it and writes it back, so that no neighbouring byte changes. Head, middle and tail follow one
 * another. Two operations that write to the same block at the same time are not kept apart here.
 *
 * An operation advances by itself while the disk is polled; `result` says when it has ended.
 */
import { isMemory } from "../blk/checks";
import { BLOCK_BYTES_MAX } from "../blk/config";
import { BlkDevice } from "../blk/device";
import { isAnyHoldingMemory } from "../blk/disks";
import { SECTOR_BYTES, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from "../blk/layout";
import { Owner } from "../blk/request";
import { reserve } from "../util/arena";
import * as err from "../util/errors";

/** Bytes of one request in the middle, and how many of them are in flight. */
const CHUNK_BYTES: u64 = 1 << 20;
const DEPTH: i32 = 16;

/** What the bounce block is used for. */
enum Bounce {
  NONE,
  /** It is being read, for the caller or to be changed. */
  READING,
  /** It holds what is to be written back. */
  CHANGED,
  /** It is being written back. */
  WRITING,
}

export class ByteIo extends Owner {
  private disk!: BlkDevice;
  private isWrite: bool;
  /** As it was at the beginning; a disk that has changed since refuses what does not fit. */
  private blockBytes: u64;
  /** Offset on the disk that the caller's first byte belongs to, and where its memory is. */
  private startOffset: u64;
  private memoryPtr: usize;
  /** What has not been started yet: from `nextOffset` to `endOffset`. */
  private nextOffset: u64;
  private endOffset: u64;
  private inFlightCount: i32;
  private error: i32;
  private errorOffset: u64;
  private bounce: Bounce;
  private bouncePtr: usize;

  /** Reserves the bounce block. Called once, unless the memory for it is lent. */
  init(): void {
    this.bouncePtr = reserve(BLOCK_BYTES_MAX, 16);
  }

  /**
   * Lends memory for the bounce block, from now until it is lent again: a block of each disk that
   * is used.
   */
  lendBounce(ptr: usize): void {
    this.bouncePtr = ptr;
  }

  /**
   * Starts to read `lengthBytes` bytes at byte `offset` of `disk` into memory at `ptr`, which
   * belongs to the disk until `result` is not PENDING any more. Returns PENDING, E_OK when there is
   * nothing to do, or why it is refused.
   */
  readBytes(disk: BlkDevice, offset: u64, ptr: usize, lengthBytes: u64): i32 {
    return this.begin(disk, false, offset, ptr, lengthBytes);
  }

  /** As readBytes, the other way: nothing but these bytes changes on the disk. */
  writeBytes(disk: BlkDevice, offset: u64, ptr: usize, lengthBytes: u64): i32 {
    return this.begin(disk, true, offset, ptr, lengthBytes);
  }

  private begin(disk: BlkDevice, isWrite: bool, offset: u64, ptr: usize, lengthBytes: u64): i32 {
    assert(this.inFlightCount == 0, "the operation before has not ended");
    const error = check(disk, isWrite, offset, ptr, lengthBytes);
    this.errorOffset = offset;
    if (error != err.E_OK) return error;
    this.disk = disk;
    this.isWrite = isWrite;
    this.startOffset = offset;
    this.memoryPtr = ptr;
    this.nextOffset = offset;
    this.endOffset = offset + lengthBytes;
    this.error = err.E_OK;
    this.bounce = Bounce.NONE;
    this.blockBytes = disk.config.blockBytes;
    this.advance();
    return this.state();
  }

  /** Goes on if it can. PENDING, then E_OK or the first error. */
  result(): i32 {
    this.advance();
    this.disk.dispatch();
    return this.state();
  }

  private state(): i32 {
    if (this.inFlightCount > 0) return err.PENDING;
    if (this.error != err.E_OK) return this.error;
    return this.nextOffset < this.endOffset ? err.PENDING : err.E_OK;
  }

  /** Whether requests of it are in flight, so that there is nothing to do before one is back. */
  isInFlight(): bool {
    return this.inFlightCount > 0;
  }

  /** Starts nothing more; the result is E_INTERRUPTED unless all had been started. */
  cancel(): void {
    if (!this.isAllStarted() && this.error == err.E_OK) this.error = err.E_INTERRUPTED;
  }

  private isAllStarted(): bool {
    if (this.inFlightCount == 0 || this.bounce == Bounce.NONE) {
      return this.nextOffset == this.endOffset;
    }
    // A last block that has been read to be changed is not being written yet
    const isLast = this.nextOffset + this.bounceBytes() == this.endOffset;
    return isLast && (this.bounce == Bounce.WRITING || !this.isWrite);
  }

  /** After an error: the first byte on the disk of what has failed, as far as is known. */
  failedOffset(): u64 {
    return this.errorOffset;
  }

  completed(slot: i32, result: i32, latencyNs: u64): void {
    this.inFlightCount -= 1;
    if (result != err.E_OK) this.noteError(result, this.disk.requests.at(slot).lba * SECTOR_BYTES);
    if (this.error == err.E_OK && this.bounce != Bounce.NONE) this.endBounce();
    this.advance();
  }

  /** Starts as much as the phase allows. */
  private advance(): void {
    while (this.error == err.E_OK && this.nextOffset < this.endOffset) {
      const isRagged = this.isRaggedAt(this.nextOffset);
      if (this.inFlightCount >= (isRagged ? 1 : DEPTH)) return;
      const error = isRagged ? this.sendBounce() : this.sendMiddle();
      if (error == err.E_BUSY) return;
      if (error != err.E_OK) this.noteError(error, this.nextOffset);
    }
  }

  /** The first error counts, and of its places the lowest that is the caller's. */
  private noteError(error: i32, offset: u64): void {
    const place = max(offset, this.startOffset);
    if (this.error == err.E_OK || this.error == err.E_INTERRUPTED) {
      this.error = error;
      this.errorOffset = place;
    } else if (place < this.errorOffset) this.errorOffset = place;
  }

  /** Whether less than a whole block starts at `offset`. */
  private isRaggedAt(offset: u64): bool {
    return offset % this.blockBytes != 0 || this.endOffset - offset < this.blockBytes;
  }

  /** Where in the caller's memory the byte at `offset` of the disk belongs. */
  private memoryAt(offset: u64): usize {
    return this.memoryPtr + <usize>(offset - this.startOffset);
  }

  /** Sends whole blocks, up to CHUNK_BYTES of them. */
  private sendMiddle(): i32 {
    const offset = this.nextOffset;
    const whole = this.endOffset - offset - ((this.endOffset - offset) % this.blockBytes);
    const bytes = min(whole, CHUNK_BYTES);
    const type = this.isWrite ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    const error = this.send(type, offset, this.memoryAt(offset), bytes);
    if (error == err.E_OK) this.nextOffset = offset + bytes;
    return error;
  }

  /** Reads the block that holds the byte at `nextOffset`, or writes it back changed. */
  private sendBounce(): i32 {
    const isChanged = this.bounce == Bounce.CHANGED;
    const offset = this.nextOffset - (this.nextOffset % this.blockBytes);
    const type = isChanged ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    const error = this.send(type, offset, this.bouncePtr, this.blockBytes);
    if (error == err.E_OK) this.bounce = isChanged ? Bounce.WRITING : Bounce.READING;
    return error;
  }

  /** Bytes of the bounce block that are the caller's. */
  private bounceBytes(): u64 {
    const inBlock = this.nextOffset % this.blockBytes;
    return min(this.blockBytes - inBlock, this.endOffset - this.nextOffset);
  }

  /** The bounce block has been read or written. */
  private endBounce(): void {
    const bytes = this.bounceBytes();
    const partPtr = this.bouncePtr + <usize>(this.nextOffset % this.blockBytes);
    const memoryPtr = this.memoryAt(this.nextOffset);
    if (this.bounce == Bounce.READING && this.isWrite) {
      memory.copy(partPtr, memoryPtr, <usize>bytes);
      this.bounce = Bounce.CHANGED;
      return;
    }
    if (!this.isWrite) memory.copy(memoryPtr, partPtr, <usize>bytes);
    this.bounce = Bounce.NONE;
    this.nextOffset += bytes;
  }

  private send(type: u32, offset: u64, ptr: usize, bytes: u64): i32 {
    const slot = this.disk.submit(type, offset / SECTOR_BYTES, ptr, <u32>bytes, this);
    if (slot < 0) return slot;
    this.inFlightCount += 1;
    return err.E_OK;
  }
}

/** Whether an operation may begin: E_OK or why not. No sum wraps, whatever the disk says it is. */
function check(disk: BlkDevice, isWrite: bool, offset: u64, ptr: usize, lengthBytes: u64): i32 {
  if (disk.health != err.E_OK) return disk.health;
  if (isAnyHoldingMemory()) return err.E_RESET;
  if (isWrite && disk.isReadOnly()) return err.E_READ_ONLY;
  const capacityBytes = disk.config.capacitySectors * SECTOR_BYTES;
  if (lengthBytes > capacityBytes || offset > capacityBytes - lengthBytes) return err.E_RANGE;
  if (lengthBytes > u32.MAX_VALUE || !isMemory(ptr, lengthBytes)) return err.E_ARGUMENT;
  return err.E_OK;
}
