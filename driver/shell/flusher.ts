/**
 * Flushes disks one after another: from the first to the last of a range, those without a write
 * cache passed over. `flush` uses it for one disk, `poweroff` and `reboot` for all of them.
 */
import { BlkDevice } from "../blk/device";
import { diskAt } from "../blk/disks";
import { VIRTIO_BLK_T_FLUSH } from "../blk/layout";
import { E_OK, PENDING } from "../util/errors";
import { printDiskName, fail } from "./command";
import { out } from "./console";

/** No request is under way. */
const NO_HANDLE: i32 = -1;

export class Flusher {
  private command!: string;
  private at: i32;
  private end: i32;
  private handle: i32;
  private error: i32;

  /** Starts with disk `first`, and ends before `end`. `command` is named in error lines. */
  begin(command: string, first: i32, end: i32): void {
    this.command = command;
    this.at = first;
    this.end = end;
    this.handle = NO_HANDLE;
    this.error = E_OK;
  }

  /**
   * Goes on. Returns PENDING, then E_OK, or the error of the last disk that failed; each failure
   * has its line.
   */
  resume(): i32 {
    while (this.at < this.end) {
      const disk = diskAt(this.at);
      if (this.handle == NO_HANDLE && this.needsFlush(disk)) this.send(disk);
      if (this.handle != NO_HANDLE && !this.isFinished(disk)) return PENDING;
      this.at += 1;
    }
    return this.error;
  }

  private needsFlush(disk: BlkDevice): bool {
    return disk.health == E_OK && disk.hasWriteCache() && !disk.isReadOnly();
  }

  private send(disk: BlkDevice): void {
    const handle = disk.submit(VIRTIO_BLK_T_FLUSH, 0, 0, 0);
    if (handle < 0) this.report(disk, handle);
    else {
      this.handle = handle;
      disk.dispatch();
    }
  }

  private isFinished(disk: BlkDevice): bool {
    const result = disk.result(this.handle);
    if (result == PENDING) return false;
    if (result != E_OK) this.report(disk, result);
    this.handle = NO_HANDLE;
    return true;
  }

  private report(disk: BlkDevice, error: i32): void {
    out.text(this.command).text(": flush of ");
    printDiskName(disk);
    out.text(": ");
    this.error = fail(error);
  }
}
