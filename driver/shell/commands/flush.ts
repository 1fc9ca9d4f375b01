/** flush: makes every write that is done stable. */
import { BlkDevice } from "../../blk/device";
import { place } from "../../util/arena";
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { Args } from "../args";
import { Command, checkOperandCount, diskOperand, printDiskName } from "../command";
import { out } from "../console";
import { Flusher } from "../flusher";

export class Flush extends Command {
  private flusher!: Flusher;
  private disk!: BlkDevice;

  init(): void {
    this.flusher = place<Flusher>();
    this.flusher.init();
  }

  name(): string {
    return "flush";
  }

  operands(): string {
    return "[dev]";
  }

  summary(): string {
    return "makes every write that is done stable";
  }

  example(): string {
    return "flush vda";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    const disk = diskOperand(args, 1);
    if (!disk) return E_ARGUMENT;
    this.disk = disk;
    this.flusher.begin(this.name(), disk.index, disk.index + 1);
    return this.resume();
  }

  resume(): i32 {
    const result = this.flusher.resume();
    if (result == E_OK) this.confirm();
    return result;
  }

  private confirm(): void {
    printDiskName(this.disk);
    if (this.disk.isReadOnly()) out.text(" is read-only, there is nothing to flush").line();
    else if (this.disk.hasWriteCache()) out.text(" flushed").line();
    else out.text(" has no write cache, its writes are synchronous").line();
  }
}
