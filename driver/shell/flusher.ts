/**
 * Flushes disks one after another: from the first to the last of a range, those without a write
 * cache passed over. `flush` uses it for one disk, `poweroff` and `reboot` for all of them.
 */
import { BlkDevice } from "../blk/device";
import { diskAt } from "../blk/disks";
import { VIRTIO_BLK_T_FLUSH } from "../blk/layout";
import { Waiter } from "../blk/waiter";
import { place } from "../util/arena";
import { E_OK, PENDING } from "../util/errors";
import { printDiskName, fail } from "./command";
import { out } from "./console";

export class Flusher {
  private command!: string;
  private at: i32;
  private end: i32;
  private isSent: bool;
  private waiter!: Waiter;
  private error: i32;

  init(): void {
    this.waiter = place<Waiter>();
  }

  /** Starts with disk `first`, and ends before `end`. `command` is named in error lines. */
  begin(command: string, first: i32, end: i32): void {
    this.command = command;
    this.at = first;
    this.end = end;
    this.isSent = false;
    this.error = E_OK;
  }

  /**
   * Goes on. Returns PENDING, then E_OK, or the error of the last disk that failed; each failure
   * has its line.
   */
  resume(): i32 {
    for (; this.at < this.end; this.at += 1) {
      const result = this.flush(diskAt(this.at));
      if (result == PENDING) return PENDING;
      if (result != E_OK) this.report(diskAt(this.at), result);
      this.isSent = false;
    }
    return this.error;
  }

  /** Sends the flush of a disk, or looks for its result. */
  private flush(disk: BlkDevice): i32 {
    if (this.isSent) return this.waiter.result();
    const isNeeded = disk.health == E_OK && disk.hasWriteCache() && !disk.isReadOnly();
    if (!isNeeded) return E_OK;
    this.isSent = true;
    return this.waiter.send(disk, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
  }

  private report(disk: BlkDevice, error: i32): void {
    out.text(this.command).text(": flush of ");
    printDiskName(disk);
    out.text(": ");
    this.error = fail(error);
  }
}
