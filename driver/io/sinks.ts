/** Sinks of a copy: a disk, nothing, a CRC32C, and one that compares two sources. */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES, VIRTIO_BLK_T_FLUSH } from "../blk/layout";
import { Waiter } from "../blk/waiter";
import { place } from "../util/arena";
import { sameBytes } from "../util/bytes";
import { E_DIFFERENT, E_OK, PENDING } from "../util/errors";
import { checksum, checksumQuantum } from "./checksum";
import { ENDLESS, OrderedSink, Piece, QUANTUM_BYTES, Sink } from "./stream";

export class DiskSink extends Sink {
  private to!: BlkDevice;
  private flushes: bool;
  private isFlushing: bool;
  private waiter!: Waiter;

  init(): void {
    this.waiter = place<Waiter>();
  }

  /** With `flushes`, the copy ends with a flush if the disk has a write cache. */
  use(disk: BlkDevice, flushes: bool): void {
    this.to = disk;
    this.flushes = flushes;
    this.isFlushing = false;
  }

  sizeBytes(): u64 {
    return this.to.config.capacitySectors * SECTOR_BYTES;
  }

  disk(): BlkDevice | null {
    return this.to;
  }

  begin(piece: Piece, offset: u64): i32 {
    return piece.io.writeBytes(this.to, offset, piece.ptr, piece.lengthBytes);
  }

  go(piece: Piece): i32 {
    return piece.io.result();
  }

  end(): i32 {
    if (this.isFlushing) return this.waiter.result();
    if (!this.flushes || !this.to.hasWriteCache()) return E_OK;
    this.isFlushing = true;
    return this.waiter.send(this.to, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
  }
}

export class NullSink extends Sink {
  sizeBytes(): u64 {
    return ENDLESS;
  }

  begin(piece: Piece, offset: u64): i32 {
    return E_OK;
  }

  go(piece: Piece): i32 {
    return E_OK;
  }
}

export class CrcSink extends OrderedSink {
  /** CRC32C of what has come so far. */
  value: u32;

  use(): void {
    this.value = 0;
  }

  go(piece: Piece): i32 {
    const bytes = min(piece.lengthBytes - piece.doneBytes, checksumQuantum());
    this.value = checksum(this.value, piece.ptr + piece.doneBytes, bytes);
    piece.doneBytes += bytes;
    return piece.doneBytes < piece.lengthBytes ? PENDING : E_OK;
  }
}

/** Compares the two buffers of each piece, and ends the copy at the first byte that differs. */
export class CompareSink extends OrderedSink {
  /** The first byte that differs: its place in the stream, and what both have there. */
  foundOffset: u64;
  foundFirst: u8;
  foundSecond: u8;

  go(piece: Piece): i32 {
    const bytes = min(piece.lengthBytes - piece.doneBytes, QUANTUM_BYTES);
    const same = sameBytes(piece.ptr + piece.doneBytes, piece.otherPtr + piece.doneBytes, bytes);
    piece.doneBytes += same;
    if (same == bytes) return piece.doneBytes < piece.lengthBytes ? PENDING : E_OK;
    this.foundOffset = piece.offset + piece.doneBytes;
    this.foundFirst = load<u8>(piece.ptr + piece.doneBytes);
    this.foundSecond = load<u8>(piece.otherPtr + piece.doneBytes);
    return E_DIFFERENT;
  }
}
