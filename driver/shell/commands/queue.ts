/** queue: sets the size of a disk's queue, which resets the disk. */
import { BlkDevice, QUEUE_SIZE_MAX, QUEUE_SIZE_MIN } from "../../blk/device";
import { E_ARGUMENT, E_OK, PENDING } from "../../util/errors";
import { Args } from "../args";
import {
  Command,
  anyDiskOperand,
  checkOperandCount,
  complain,
  fail,
  numberOperand,
  printDiskName,
} from "../command";
import { out } from "../console";

export class Queue extends Command {
  private disk!: BlkDevice;

  name(): string {
    return "queue";
  }

  operands(): string {
    return "<size> [dev]";
  }

  summary(): string {
    return "sets the largest size of a disk's queue";
  }

  example(): string {
    return "queue 16 vda";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 1, 2) != E_OK) return E_ARGUMENT;
    const size = numberOperand(args, 1, "size");
    if (size < 0) return E_ARGUMENT;
    if (size < <i64>QUEUE_SIZE_MIN || size > <i64>QUEUE_SIZE_MAX || popcnt(size) != 1) {
      complain(args);
      out.text("the size is a power of two from ").decimal(QUEUE_SIZE_MIN).text(" to ");
      out.decimal(QUEUE_SIZE_MAX).line();
      return E_ARGUMENT;
    }
    const disk = anyDiskOperand(args, 2);
    if (!disk) return E_ARGUMENT;
    this.disk = disk;
    disk.queueSizeLimit = <u32>size;
    disk.recovery.restart();
    return PENDING;
  }

  resume(): i32 {
    const disk = this.disk;
    if (disk.recovery.isActive) return PENDING;
    printDiskName(disk);
    out.text(": ");
    if (disk.health != E_OK) return fail(disk.health);
    out.text("queue size ").decimal(disk.queue.size).text(", up to ");
    out.decimal(disk.queue.chainCount).text(" requests in flight").line();
    return E_OK;
  }
}
