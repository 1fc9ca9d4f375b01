/** fill: writes one byte all over a range of sectors. */
import { SECTOR_BYTES } from "../../blk/layout";
import { DiskSink } from "../../io/sinks";
import { ByteSource } from "../../io/sources";
import { place } from "../../util/arena";
import { E_ARGUMENT, E_OK, E_READ_ONLY } from "../../util/errors";
import { Args } from "../args";
import {
  CONFIRM,
  Command,
  checkOperandCount,
  complain,
  fail,
  failAbove,
  numberOperand,
  printDiskName,
} from "../command";
import { out } from "../console";
import { beginCopy, printCopied, resumeCopy, theCopier } from "../copy_job";
import { SectorRange } from "../sector_range";

const PIECE_BYTES: u64 = 1 << 20;
const BYTE_MAX: i64 = 255;

export class Fill extends Command {
  private range!: SectorRange;
  private source!: ByteSource;
  private sink!: DiskSink;
  private isBegun: bool;

  init(): void {
    this.range = place<SectorRange>();
    this.source = place<ByteSource>();
    this.sink = place<DiskSink>();
    this.sink.init();
    theCopier();
  }

  name(): string {
    return "fill";
  }

  operands(): string {
    return "<byte> <sector> <count> [dev]";
  }

  summary(): string {
    return "writes a byte all over sectors";
  }

  example(): string {
    return "fill 0xff 64 8 vda";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 3, 4) != E_OK) return E_ARGUMENT;
    const byte = numberOperand(args, 1, "byte");
    if (byte < 0) return E_ARGUMENT;
    if (byte > BYTE_MAX) {
      complain(args);
      out.text("byte ").decimal(byte).text(": ");
      return failAbove(BYTE_MAX);
    }
    const error = this.range.parse(args, this, 2);
    if (error != E_OK) return error;
    if (this.range.disk.isReadOnly()) {
      complain(args);
      printDiskName(this.range.disk);
      out.text(": ");
      return fail(E_READ_ONLY);
    }
    this.source.use(<u8>byte);
    this.sink.use(this.range.disk, false);
    this.isBegun = false;
    return CONFIRM;
  }

  printQuestion(): void {
    out.text("The contents of ");
    this.range.print();
    out.text(", are lost.");
  }

  private begin(): i32 {
    const copier = theCopier();
    const range = this.range;
    this.isBegun = true;
    copier.source = this.source;
    copier.sink = this.sink;
    copier.plan(0, range.lba * SECTOR_BYTES, range.sectorCount * SECTOR_BYTES, PIECE_BYTES);
    return beginCopy(this.name());
  }

  resume(): i32 {
    if (!this.isBegun) {
      const error = this.begin();
      if (error != E_OK) return error;
    }
    const result = resumeCopy(this.name());
    if (result == E_OK) printCopied("written");
    return result;
  }

  awaits(): i32 {
    return theCopier().awaits();
  }

  interrupt(): void {
    if (this.isBegun) theCopier().stop();
  }
}
