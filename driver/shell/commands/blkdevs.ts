/** blkdevs: the disks, a line each. */
import { diskAt, diskCount } from "../../blk/disks";
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { Args } from "../args";
import { Command, checkOperandCount } from "../command";
import { out } from "../console";
import { printDiskLine } from "../disk_text";

export class Blkdevs extends Command {
  name(): string {
    return "blkdevs";
  }

  operands(): string {
    return "";
  }

  summary(): string {
    return "lists the disks";
  }

  example(): string {
    return "blkdevs";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 0) != E_OK) return E_ARGUMENT;
    if (diskCount() == 0) out.text("this machine has no disk").line();
    for (let i = 0; i < diskCount(); ++i) printDiskLine(diskAt(i));
    return E_OK;
  }
}
