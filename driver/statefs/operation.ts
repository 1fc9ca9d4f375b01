/**
 * Operations of the store: state machines that never wait. Each can hand over to another one and
 * goes on when that has ended.
 */
import { BlkDevice } from "../blk/device";
import { VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_T_FLUSH } from "../blk/layout";
import { Waiter } from "../blk/waiter";
import { ByteIo } from "../io/byte_io";
import { place } from "../util/arena";
import { E_BUSY, E_INTERRUPTED, E_OK, PENDING } from "../util/errors";

export abstract class Operation {
  /** What has to end before this goes on. */
  private awaited: Operation | null;

  /** One slice. PENDING, then E_OK or an error. */
  resume(): i32 {
    const awaited = this.awaited;
    if (awaited) {
      const result = awaited.resume();
      if (result == PENDING) return PENDING;
      this.awaited = null;
      if (result != E_OK) return this.failed(result);
    }
    return this.advance();
  }

  /** Goes on: what was awaited has gone well. */
  protected abstract advance(): i32;

  /** What was awaited has failed: the error that this operation ends with. */
  protected failed(error: i32): i32 {
    return error;
  }

  /** `advance` is called again when `other` has ended. Returns PENDING. */
  protected await(other: Operation): i32 {
    this.awaited = other;
    return PENDING;
  }
}

/** Bytes to or from the disk. One at a time. */
export class Transfer extends Operation {
  /** Nothing more is started, unless what goes on must come to its end. */
  isCancelled: bool;
  mustEnd: bool;
  private io!: ByteIo;
  private refusal: i32;

  init(): void {
    this.io = place<ByteIo>();
    this.io.init();
  }

  /** Before an operation: nothing is cancelled, everything can be. */
  reset(): void {
    this.isCancelled = false;
    this.mustEnd = false;
  }

  read(disk: BlkDevice, offset: u64, ptr: usize, lengthBytes: u64): Operation {
    this.refusal = this.isRefused()
      ? E_INTERRUPTED
      : this.io.readBytes(disk, offset, ptr, lengthBytes);
    return this;
  }

  write(disk: BlkDevice, offset: u64, ptr: usize, lengthBytes: u64): Operation {
    this.refusal = this.isRefused()
      ? E_INTERRUPTED
      : this.io.writeBytes(disk, offset, ptr, lengthBytes);
    return this;
  }

  private isRefused(): bool {
    return this.isCancelled && !this.mustEnd;
  }

  protected advance(): i32 {
    return this.refusal < 0 ? this.refusal : this.io.result();
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

/** Makes stable what has been written, where the disk has a cache. */
export class Flush extends Operation {
  private waiter!: Waiter;
  private disk!: BlkDevice;
  private isSent: bool;

  init(): void {
    this.waiter = place<Waiter>();
  }

  /** A FLUSH is sent wherever there is one: the cache may have been switched off a moment ago. */
  begin(disk: BlkDevice): Operation {
    this.disk = disk;
    this.isSent = false;
    return this;
  }

  protected advance(): i32 {
    if (this.isSent) return this.waiter.result();
    if (!this.disk.has(VIRTIO_BLK_F_FLUSH)) return E_OK;
    const result = this.waiter.send(this.disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
    if (result == E_BUSY) return PENDING;
    this.isSent = true;
    return result;
  }
}
