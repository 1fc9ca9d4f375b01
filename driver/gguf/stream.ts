/**
 * A file on a disk, read through a window of memory that moves along.
 *
 * Nothing is believed: `need` refuses what goes past the end of the disk, and a caller compares
 * every length with `left` before it skips that far. Where the file ends is not known, only where
 * the disk does.
 */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import { ByteIo } from "../io/byte_io";
import { place } from "../util/arena";
import { E_OK, E_RANGE, PENDING } from "../util/errors";

export const WINDOW_BYTES: u32 = 256 << 10;

/** A window starts at a block of the disk, so that this much of it may lie before the position. */
const BLOCK_BYTES_MAX: u32 = 65536;

/** Most that can be asked of `need`. */
const NEED_BYTES_MAX: u32 = WINDOW_BYTES - BLOCK_BYTES_MAX;

export class Stream {
  disk!: BlkDevice;
  private io!: ByteIo;
  private windowPtr: usize;
  /** Bytes of the disk: where the file starts, where the next byte is, where the disk ends. */
  startOffset: u64;
  private atOffset: u64;
  private endOffset: u64;
  /** The part of the disk that the window holds. */
  private heldOffset: u64;
  private heldBytes: u64;
  private readBytes: u64;
  /** What was asked of `need` last. */
  wanted: u32;

  init(): void {
    this.io = place<ByteIo>();
    this.io.init();
  }

  /** Begins a file at byte `startOffset` of the disk, with WINDOW_BYTES of memory. */
  begin(disk: BlkDevice, startOffset: u64, windowPtr: usize): void {
    this.disk = disk;
    this.startOffset = startOffset;
    this.atOffset = startOffset;
    this.endOffset = disk.config.capacitySectors * SECTOR_BYTES;
    this.windowPtr = windowPtr;
    this.heldBytes = 0;
    this.readBytes = 0;
  }

  /** Where the stream is, in bytes from the start of the file. */
  position(): u64 {
    return this.atOffset - this.startOffset;
  }

  /** Goes to a place at which the stream has been. */
  seek(position: u64): void {
    this.atOffset = this.startOffset + position;
  }

  /** Bytes from here to the end of the disk. */
  left(): u64 {
    return this.endOffset > this.atOffset ? this.endOffset - this.atOffset : 0;
  }

  /** Goes on by `lengthBytes`, at most what is left. */
  skip(lengthBytes: u64): void {
    assert(lengthBytes <= this.left(), "the stream left the disk");
    this.atOffset += lengthBytes;
  }

  /**
   * Sees to it that the next `lengthBytes` can be read here. Returns E_OK, PENDING, E_RANGE when
   * the disk ends before, or why the disk cannot be read.
   */
  need(lengthBytes: u32): i32 {
    if (lengthBytes <= this.ready()) return E_OK;
    assert(lengthBytes <= NEED_BYTES_MAX, "more than the window holds");
    if (this.readBytes > 0) {
      const result = this.endRead();
      if (result != E_OK) return result;
    }
    this.wanted = lengthBytes;
    if (lengthBytes > this.left()) return E_RANGE;
    return lengthBytes <= this.ready() ? E_OK : this.beginRead();
  }

  /** Bytes from here that can be read without another `need`. */
  ready(): u32 {
    const behind = this.atOffset - this.heldOffset;
    return this.atOffset >= this.heldOffset && behind <= this.heldBytes
      ? <u32>(this.heldBytes - behind)
      : 0;
  }

  private beginRead(): i32 {
    this.heldOffset = this.atOffset - (this.atOffset % this.disk.config.blockBytes);
    this.heldBytes = 0;
    this.readBytes = min(this.endOffset - this.heldOffset, WINDOW_BYTES);
    const result = this.io.readBytes(this.disk, this.heldOffset, this.windowPtr, this.readBytes);
    if (result != PENDING) this.readBytes = 0;
    return result;
  }

  private endRead(): i32 {
    const result = this.io.result();
    if (result == PENDING) return PENDING;
    if (result == E_OK) this.heldBytes = this.readBytes;
    this.readBytes = 0;
    return result;
  }

  /** Reads no more. Returns PENDING until the disk has given the window back. */
  close(): i32 {
    if (this.readBytes == 0) return E_OK;
    this.io.cancel();
    return this.endRead() == PENDING ? PENDING : E_OK;
  }

  /** Where in memory the byte `at` from here is; it has been asked for by `need`. */
  ptr(at: u32): usize {
    return this.windowPtr + <usize>(this.atOffset - this.heldOffset) + at;
  }

  u8(at: u32): u32 {
    return load<u8>(this.ptr(at));
  }

  u32(at: u32): u32 {
    return load<u32>(this.ptr(at));
  }

  u64(at: u32): u64 {
    return load<u64>(this.ptr(at));
  }
}
