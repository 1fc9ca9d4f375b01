/** timeout: how long a request may take before the device is reset. */
import { diskAt, diskCount } from "../../blk/disks";
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { Args } from "../args";
import {
  Command,
  anyDiskOperand,
  checkOperandCount,
  complain,
  numberOperand,
  printDiskName,
} from "../command";
import { out } from "../console";

const NS_PER_MS: u64 = 1_000_000;
const LONGEST_MS: i64 = 3_600_000;

export class Timeout extends Command {
  name(): string {
    return "timeout";
  }

  operands(): string {
    return "[<ms> [dev]]";
  }

  summary(): string {
    return "shows or sets how long requests may take";
  }

  example(): string {
    return "timeout 500 vda";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 2) != E_OK) return E_ARGUMENT;
    const disk = anyDiskOperand(args, 2);
    if (!disk) return E_ARGUMENT;
    const first = args.count == 3 ? disk.index : 0;
    const end = args.count == 3 ? first + 1 : diskCount();
    if (args.count > 1 && !this.set(args, first, end)) return E_ARGUMENT;
    for (let i = first; i < end; ++i) show(i);
    return E_OK;
  }

  private set(args: Args, first: i32, end: i32): bool {
    const ms = numberOperand(args, 1, "time");
    if (ms < 0) return false;
    if (ms == 0 || ms > LONGEST_MS) {
      complain(args);
      out.text("the time is from 1 to ").decimal(LONGEST_MS).text(" ms").line();
      return false;
    }
    for (let i = first; i < end; ++i) diskAt(i).timeoutNs = <u64>ms * NS_PER_MS;
    return true;
  }
}

function show(index: i32): void {
  const disk = diskAt(index);
  printDiskName(disk);
  out
    .text(": requests may take ")
    .decimal(disk.timeoutNs / NS_PER_MS)
    .text(" ms")
    .line();
}
