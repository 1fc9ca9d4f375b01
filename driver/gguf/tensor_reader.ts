/**
 * Reads the data of all tensors, in the order of the disk, and makes one CRC32C of it. What lies
 * between tensors is left out of the checksum, and a gap longer than a chunk is not read at all.
 *
 * Two chunks take turns: the disk fills one while the checksum runs over the other.
 */
import { BlkDevice } from "../blk/device";
import { ByteIo } from "../io/byte_io";
import { checksum, checksumQuantum } from "../io/checksum";
import { place, placeArray } from "../util/arena";
import { E_OK, PENDING } from "../util/errors";
import { Extents, endOf } from "./extents";

export const CHUNK_BYTES: u64 = 1 << 20;
export const CHUNK_COUNT: i32 = 2;

/** What it costs to go from one tensor to the next, in bytes of checksum. */
const TENSOR_COST_BYTES: u64 = 1024;

/** A piece of the disk in memory. Offsets are bytes of the disk. */
class Chunk {
  io!: ByteIo;
  ptr: usize;
  start: u64;
  end: u64;
  /** The disk fills it, or it holds what has not been summed up yet. */
  isInUse: bool;
  isRead: bool;
}

export class TensorReader {
  private disk!: BlkDevice;
  private extents!: Extents;
  private chunks!: StaticArray<Chunk>;
  /** Where the tensor data starts on the disk. */
  private dataOffset: u64;
  /** The next byte to read, and the extent it belongs to. */
  private readOffset: u64;
  private readExtent: i32;
  /** The next byte to sum up, the extent and the chunk it belongs to. */
  private sumOffset: u64;
  private sumExtent: i32;
  private sumChunk: i32;
  crc: u32;
  /** Bytes of tensors summed up so far. */
  doneBytes: u64;
  /** After an error: the byte of the disk at which the failed read began. */
  errorOffset: u64;

  init(): void {
    this.chunks = placeArray<Chunk>(CHUNK_COUNT);
    for (let i = 0; i < CHUNK_COUNT; ++i) {
      const chunk = place<Chunk>();
      chunk.io = place<ByteIo>();
      chunk.io.init();
      this.chunks[i] = chunk;
    }
  }

  /**
   * Begins with the sorted `extents`, whose data start at byte `dataOffset` of `disk`, with memory
   * for CHUNK_COUNT chunks.
   */
  begin(disk: BlkDevice, extents: Extents, dataOffset: u64, memoryPtr: usize): void {
    this.disk = disk;
    this.extents = extents;
    this.dataOffset = dataOffset;
    this.readExtent = 0;
    this.sumExtent = 0;
    this.sumChunk = 0;
    this.readOffset = dataOffset;
    this.sumOffset = dataOffset;
    this.crc = 0;
    this.doneBytes = 0;
    for (let i = 0; i < CHUNK_COUNT; ++i) {
      this.chunks[i].ptr = memoryPtr + <usize>i * <usize>CHUNK_BYTES;
      this.chunks[i].isInUse = false;
    }
  }

  /** Goes on. PENDING, then E_OK, or why the disk cannot be read; `errorOffset` says where. */
  advance(): i32 {
    for (let i = 0; i < CHUNK_COUNT; ++i) {
      const chunk = this.chunks[(this.sumChunk + i) % CHUNK_COUNT];
      const error = chunk.isInUse ? this.poll(chunk) : this.fill(chunk);
      if (error != E_OK) {
        this.errorOffset = chunk.start;
        return error;
      }
    }
    const chunk = this.chunks[this.sumChunk];
    if (!chunk.isInUse) return E_OK;
    if (chunk.isRead) this.sum(chunk);
    return PENDING;
  }

  /** Reads no more. PENDING until the disk has given all memory back. */
  close(): i32 {
    let result = E_OK;
    for (let i = 0; i < CHUNK_COUNT; ++i) {
      const chunk = this.chunks[i];
      if (!chunk.isInUse || chunk.isRead) continue;
      chunk.io.cancel();
      if (chunk.io.result() == PENDING) result = PENDING;
      else chunk.isInUse = false;
    }
    return result;
  }

  private poll(chunk: Chunk): i32 {
    if (chunk.isRead) return E_OK;
    const result = chunk.io.result();
    if (result == PENDING) return E_OK;
    chunk.isRead = true;
    return result;
  }

  /** Starts to read the next chunk, if there is one. */
  private fill(chunk: Chunk): i32 {
    const extents = this.extents;
    while (this.readExtent < extents.count && this.endAt(this.readExtent) <= this.readOffset) {
      this.readExtent += 1;
    }
    if (this.readExtent == extents.count) return E_OK;
    const wanted = max(this.readOffset, this.startAt(this.readExtent));
    chunk.start = wanted - (wanted % this.disk.config.blockBytes);
    chunk.end = min(chunk.start + CHUNK_BYTES, this.endAt(extents.count - 1));
    chunk.isInUse = true;
    chunk.isRead = false;
    this.readOffset = chunk.end;
    const length = chunk.end - chunk.start;
    const result = chunk.io.readBytes(this.disk, chunk.start, chunk.ptr, length);
    if (result < 0) chunk.isRead = true;
    return result < 0 ? result : E_OK;
  }

  /** Sums up a part of a chunk, up to the end of a tensor or of the chunk; then frees the chunk. */
  private sum(chunk: Chunk): void {
    this.sumOffset = max(this.sumOffset, chunk.start);
    for (let left: u64 = checksumQuantum(); left > 0;) {
      if (!this.findSum(chunk)) {
        chunk.isInUse = false;
        this.sumChunk = (this.sumChunk + 1) % CHUNK_COUNT;
        return;
      }
      const end = min(this.endAt(this.sumExtent), chunk.end);
      const bytes = min(left, end - this.sumOffset);
      const ptr = chunk.ptr + <usize>(this.sumOffset - chunk.start);
      this.crc = checksum(this.crc, ptr, <u32>bytes);
      this.sumOffset += bytes;
      this.doneBytes += bytes;
      left -= min(left, bytes + TENSOR_COST_BYTES);
    }
  }

  /** Moves to the next byte that belongs to a tensor. False when the chunk has none any more. */
  private findSum(chunk: Chunk): bool {
    while (this.sumExtent < this.extents.count && this.endAt(this.sumExtent) <= this.sumOffset) {
      this.sumExtent += 1;
    }
    if (this.sumExtent == this.extents.count) return false;
    this.sumOffset = max(this.sumOffset, this.startAt(this.sumExtent));
    return this.sumOffset < chunk.end;
  }

  private startAt(extent: i32): u64 {
    return this.dataOffset + this.extents.at(extent).offset;
  }

  private endAt(extent: i32): u64 {
    return this.dataOffset + endOf(this.extents.at(extent));
  }
}
