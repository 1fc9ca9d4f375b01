/** reset: resets a disk and initialises it again, also one that has been given up. */
import { BlkDevice } from "../../blk/device";
import { E_ARGUMENT, E_OK, PENDING } from "../../util/errors";
import { Args } from "../args";
import { Command, anyDiskOperand, checkOperandCount, fail, printDiskName } from "../command";
import { out } from "../console";

export class Reset extends Command {
  private disk!: BlkDevice;

  name(): string {
    return "reset";
  }

  operands(): string {
    return "[dev]";
  }

  summary(): string {
    return "resets a disk, also one given up";
  }

  example(): string {
    return "reset vda";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    const disk = anyDiskOperand(args, 1);
    if (!disk) return E_ARGUMENT;
    this.disk = disk;
    disk.recovery.restart();
    return PENDING;
  }

  resume(): i32 {
    const disk = this.disk;
    if (disk.recovery.isActive) return PENDING;
    if (disk.health != E_OK) {
      out.text("reset: ");
      printDiskName(disk);
      out.text(": ");
      return fail(disk.health);
    }
    printDiskName(disk);
    out.text(" has been reset").line();
    return E_OK;
  }
}
