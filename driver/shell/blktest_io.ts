/**
 * What the tests of blktest do to a disk, one operation at a time: bytes, a single request of any
 * type, or as many reads as the queue holds, sent in reverse order.
 */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES, VIRTIO_BLK_T_IN } from "../blk/layout";
import { Owner } from "../blk/request";
import { Waiter } from "../blk/waiter";
import { ByteIo } from "../io/byte_io";
import { place } from "../util/arena";
import { E_OK, PENDING } from "../util/errors";

/** Reads of one block each, all of them in flight at once. */
class Burst extends Owner {
  private leftCount: u32;
  private error: i32;

  /** Request i reads block number `blocks - 1 - i` of the range, modulo `blocks`, into buffer i. */
  begin(disk: BlkDevice, lba: u64, blocks: u32, count: u32, bufferPtr: usize): i32 {
    const bytes = disk.config.blockBytes;
    this.error = E_OK;
    this.leftCount = 0;
    for (let i: u32 = 0; i < count; ++i) {
      const at = lba + <u64>burstBlock(i, blocks) * (bytes / SECTOR_BYTES);
      const slot = disk.submit(VIRTIO_BLK_T_IN, at, bufferPtr + <usize>i * bytes, bytes, this);
      if (slot >= 0) this.leftCount += 1;
      else if (this.error == E_OK) this.error = slot;
    }
    disk.dispatch();
    return this.result();
  }

  result(): i32 {
    return this.leftCount > 0 ? PENDING : this.error;
  }

  completed(slot: i32, result: i32, latencyNs: u64): void {
    this.leftCount -= 1;
    if (this.error == E_OK) this.error = result;
  }
}

/** The block that request `i` of a burst reads. */
export function burstBlock(i: u32, blocks: u32): u32 {
  return blocks - 1 - (i % blocks);
}

enum Doing {
  BYTES,
  REQUEST,
  BURST,
}

export class TestIo {
  private io!: ByteIo;
  private waiter!: Waiter;
  private burst!: Burst;
  private doing: Doing;

  init(): void {
    this.io = place<ByteIo>();
    this.io.init();
    this.waiter = place<Waiter>();
    this.burst = place<Burst>();
  }

  read(disk: BlkDevice, offset: u64, ptr: usize, lengthBytes: u32): i32 {
    this.doing = Doing.BYTES;
    return this.io.readBytes(disk, offset, ptr, lengthBytes);
  }

  write(disk: BlkDevice, offset: u64, ptr: usize, lengthBytes: u32): i32 {
    this.doing = Doing.BYTES;
    return this.io.writeBytes(disk, offset, ptr, lengthBytes);
  }

  request(disk: BlkDevice, type: u32, lba: u64, ptr: usize, lengthBytes: u32): i32 {
    this.doing = Doing.REQUEST;
    return this.waiter.send(disk, type, lba, ptr, lengthBytes);
  }

  reads(disk: BlkDevice, lba: u64, blocks: u32, count: u32, ptr: usize): i32 {
    this.doing = Doing.BURST;
    return this.burst.begin(disk, lba, blocks, count, ptr);
  }

  /** Of the operation that was begun last: PENDING, E_OK or an error. */
  result(): i32 {
    if (this.doing == Doing.BYTES) return this.io.result();
    return this.doing == Doing.REQUEST ? this.waiter.result() : this.burst.result();
  }

  /** Sends nothing more; what is in flight comes back. */
  cancel(): void {
    if (this.doing == Doing.BYTES) this.io.cancel();
  }
}
