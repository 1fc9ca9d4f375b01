/** A range of sectors as commands take it: `<sector> <count> [dev]`, checked against the disk. */
import { BlkDevice } from "../blk/device";
import { E_ARGUMENT, E_OK, E_RANGE } from "../util/errors";
import { Args } from "./args";
import {
  Command,
  checkOperandCount,
  complain,
  diskOperand,
  fail,
  numberOperand,
  printDiskName,
} from "./command";
import { out } from "./console";

export class SectorRange {
  disk!: BlkDevice;
  lba: u64;
  sectorCount: u64;

  /**
   * Takes the operands from `first` on, which are the last ones, wherever they point to. Returns
   * E_OK, or an error whose line has been printed.
   */
  take(args: Args, command: Command, first: i32): i32 {
    if (checkOperandCount(args, command, first + 1, first + 2) != E_OK) return E_ARGUMENT;
    const lba = numberOperand(args, first, "sector");
    if (lba < 0) return E_ARGUMENT;
    const count = numberOperand(args, first + 1, "count");
    if (count < 0) return E_ARGUMENT;
    const disk = diskOperand(args, first + 2);
    if (!disk) return E_ARGUMENT;
    this.disk = disk;
    this.lba = lba;
    this.sectorCount = count;
    return E_OK;
  }

  /** As `take`, and refuses what is not on the disk. */
  parse(args: Args, command: Command, first: i32): i32 {
    const error = this.take(args, command, first);
    if (error != E_OK || this.disk.config.isInside(this.lba, this.sectorCount)) return error;
    complain(args);
    this.print();
    out.text(": ");
    return fail(E_RANGE);
  }

  /** `8 sectors from 64 on, vda` */
  print(): void {
    out.decimal(this.sectorCount).text(" sectors from ").decimal(this.lba).text(" on, ");
    printDiskName(this.disk);
  }
}
