/** hexdump: shows bytes of a disk, from any offset on. */
import { DiskSource } from "../../io/sources";
import { place } from "../../util/arena";
import { E_ARGUMENT, E_INTERRUPTED, E_OK, E_RANGE, PENDING } from "../../util/errors";
import { SECTOR_BYTES } from "../../blk/layout";
import { Args } from "../args";
import {
  Command,
  checkOperandCount,
  complain,
  diskOperand,
  fail,
  numberOperand,
  printDiskName,
} from "../command";
import { out } from "../console";
import { beginCopy, failCopy, theCopier } from "../copy_job";
import { HexSink } from "../dd_hex";

const DEFAULT_BYTES: u64 = 256;
const PIECE_BYTES: u64 = 4096;

export class Hexdump extends Command {
  private source!: DiskSource;
  private sink!: HexSink;

  init(): void {
    this.source = place<DiskSource>();
    this.sink = place<HexSink>();
    this.sink.init();
    theCopier();
  }

  name(): string {
    return "hexdump";
  }

  operands(): string {
    return "[-n <bytes>] <offset> [dev]";
  }

  summary(): string {
    return "shows bytes of a disk";
  }

  choices(): string {
    return "-n";
  }

  example(): string {
    return "hexdump -n 64 1k vda";
  }

  run(args: Args): i32 {
    const hasCount = args.is(1, "-n");
    const first = hasCount ? 3 : 1;
    if (checkOperandCount(args, this, first, first + 1) != E_OK) return E_ARGUMENT;
    const count = hasCount ? numberOperand(args, 2, "bytes") : <i64>DEFAULT_BYTES;
    if (count < 0) return E_ARGUMENT;
    const offset = numberOperand(args, first, "offset");
    if (offset < 0) return E_ARGUMENT;
    const disk = diskOperand(args, first + 1);
    if (!disk) return E_ARGUMENT;
    const size = disk.config.capacitySectors * SECTOR_BYTES;
    const isOutside = <u64>offset > size || (hasCount && <u64>count > size - offset);
    if (isOutside) {
      complain(args);
      out.decimal(count).text(" bytes from ").decimal(offset).text(" on, ");
      printDiskName(disk);
      out.text(": ");
      return fail(E_RANGE);
    }
    this.source.use(disk);
    return this.begin(offset, min<u64>(count, size - offset));
  }

  private begin(offset: u64, bytes: u64): i32 {
    const copier = theCopier();
    copier.source = this.source;
    copier.sink = this.sink;
    copier.plan(offset, offset, bytes, PIECE_BYTES);
    this.sink.use(offset);
    const error = beginCopy(this.name());
    return error == E_OK ? this.resume() : error;
  }

  resume(): i32 {
    const result = theCopier().go();
    if (result == PENDING) return PENDING;
    this.sink.finish();
    return result == E_OK || result == E_INTERRUPTED ? result : failCopy(this.name(), result);
  }

  interrupt(): void {
    theCopier().stop();
  }
}
