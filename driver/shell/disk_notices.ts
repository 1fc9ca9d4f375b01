/** Tells the user what happens to a disk by itself: one line each, between other output. */
import { BlkDevice } from "../blk/device";
import { DISK_COUNT_MAX } from "../blk/disks";
import { DiskObserver } from "../blk/observer";
import { KIND_COUNT, Kind } from "../blk/statistics";
import { placeArray } from "../util/arena";
import { E_OK, errorText } from "../util/errors";
import { printDiskName } from "./command";
import { out } from "./console";
import { explain } from "./diagnosis";
import { printCapacity } from "./disk_text";
import { Shell } from "./shell";

export class DiskNotices extends DiskObserver {
  private shell!: Shell;
  /** One more than the requests that a disk had completed at its last diagnosis, 0 before it. */
  private explainedAt!: StaticArray<u64>;

  init(shell: Shell): void {
    this.explainedAt = placeArray<u64>(DISK_COUNT_MAX);
    this.shell = shell;
  }

  stuck(disk: BlkDevice): void {
    const moment = completedCount(disk) + 1;
    if (this.explainedAt[disk.index] == moment) return; // the same again, after a reset
    this.explainedAt[disk.index] = moment;
    this.shell.beginNotice();
    explain(disk);
    this.shell.endNotice();
  }

  recovered(disk: BlkDevice, cause: i32): void {
    if (cause == E_OK) return; // somebody has asked for it
    this.begin(disk);
    out
      .text(errorText(cause))
      .text("; reset, ")
      .count(disk.queue.inFlightCount, "request")
      .text(" sent again");
    this.end();
  }

  died(disk: BlkDevice, cause: i32): void {
    this.begin(disk);
    out.text(errorText(cause)).text(", again and again; given up until 'reset'");
    this.end();
  }

  resized(disk: BlkDevice): void {
    this.begin(disk);
    out.text("capacity is now ");
    printCapacity(disk);
    this.end();
  }

  private begin(disk: BlkDevice): void {
    this.shell.beginNotice();
    printDiskName(disk);
    out.text(": ");
  }

  private end(): void {
    out.line();
    this.shell.endNotice();
  }
}

/** Requests that a disk has completed. */
function completedCount(disk: BlkDevice): u64 {
  let count: u64 = 0;
  for (let kind = 0; kind < KIND_COUNT; ++kind) count += disk.statistics.operationsOf(<Kind>kind);
  return count;
}
