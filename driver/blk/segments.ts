/**
 * Turns the data of a request into the buffers of one chain: no longer than the device's segments,
 * no more of them than a chain has room for, and in all a whole number of blocks.
 */
import { Virtqueue } from "../virtio/queue";
import { BlkConfig } from "./config";
import { Buffer, Request } from "./request";

/** Where in its data a request is, and what can be taken from there at once. */
class Cursor {
  private request!: Request;
  private config!: BlkConfig;
  private index: u32;
  private offset: u32;
  /** The next segment; `lengthBytes` is 0 behind the last one. */
  ptr: usize;
  lengthBytes: u32;

  /** Goes to what is not done yet. */
  begin(request: Request, config: BlkConfig): void {
    this.request = request;
    this.config = config;
    this.index = 0;
    this.offset = request.doneBytes;
    for (; this.offset >= this.bufferBytes(); this.index += 1) this.offset -= this.bufferBytes();
    this.load();
  }

  /** Goes past `bytes` of the segment, all of it or a part. */
  advance(bytes: u32): void {
    this.offset += bytes;
    if (this.offset == this.bufferBytes()) {
      this.index += 1;
      this.offset = 0;
    }
    this.load();
  }

  private load(): void {
    if (this.index == this.request.bufferCount) {
      this.lengthBytes = 0;
      return;
    }
    this.ptr = this.bufferPtr() + this.offset;
    this.lengthBytes = min(this.bufferBytes() - this.offset, this.config.segmentBytesMax);
  }

  private buffer(): Buffer {
    return changetype<Buffer>(this.request.dataPtr + <usize>this.index * offsetof<Buffer>());
  }

  private bufferPtr(): usize {
    return this.request.bufferCount == 1 ? this.request.dataPtr : this.buffer().ptr;
  }

  private bufferBytes(): u32 {
    return this.request.bufferCount == 1 ? this.request.lengthBytes : this.buffer().lengthBytes;
  }
}

const cursor = changetype<Cursor>(memory.data(offsetof<Cursor>(), 16));

/**
 * Bytes of the next chain of a request: as many whole blocks as its segments allow, 0 when not even
 * one fits.
 */
export function nextChainBytes(request: Request, config: BlkConfig): u32 {
  let bytes: u32 = 0;
  cursor.begin(request, config);
  for (let i: u32 = 0; i < config.segmentCountMax && cursor.lengthBytes > 0; ++i) {
    bytes += cursor.lengthBytes;
    cursor.advance(cursor.lengthBytes);
  }
  const isRest = bytes == request.lengthBytes - request.doneBytes;
  return isRest ? bytes : bytes & ~(config.blockBytes - 1);
}

/** Whether every chain of a request, from its beginning on, has room for a block. */
export function fitsChains(request: Request, config: BlkConfig): bool {
  for (request.doneBytes = 0; request.doneBytes < request.lengthBytes;) {
    const bytes = nextChainBytes(request, config);
    if (bytes == 0) break;
    request.doneBytes += bytes;
  }
  const isWhole = request.doneBytes == request.lengthBytes;
  request.doneBytes = 0;
  return isWhole;
}

/**
 * Describes the next `bytes` of a request as data of chain `slot`. Returns the number of its data
 * buffers.
 */
export function describeSegments(
  request: Request,
  config: BlkConfig,
  queue: Virtqueue,
  slot: i32,
  flags: u16,
): u32 {
  let left = request.chainBytes;
  let count: u32 = 0;
  cursor.begin(request, config);
  while (left > 0) {
    const length = min(left, cursor.lengthBytes);
    queue.describeData(slot, count, cursor.ptr, length, flags);
    count += 1;
    left -= length;
    cursor.advance(length);
  }
  return count;
}
