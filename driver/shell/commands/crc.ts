/** crc: the CRC32C of sectors. */
import { SECTOR_BYTES } from "../../blk/layout";
import { CrcSink } from "../../io/sinks";
import { DiskSource } from "../../io/sources";
import { place } from "../../util/arena";
import { E_OK } from "../../util/errors";
import { Args } from "../args";
import { Command } from "../command";
import { beginCopy, printCopied, resumeCopy, theCopier } from "../copy_job";
import { printCrc } from "../dd_copy";
import { SectorRange } from "../sector_range";

const PIECE_BYTES: u64 = 1 << 20;

export class Crc extends Command {
  private range!: SectorRange;
  private source!: DiskSource;
  private sink!: CrcSink;

  init(): void {
    this.range = place<SectorRange>();
    this.source = place<DiskSource>();
    this.sink = place<CrcSink>();
    theCopier();
  }

  name(): string {
    return "crc";
  }

  operands(): string {
    return "<sector> <count> [dev]";
  }

  summary(): string {
    return "computes the CRC32C of sectors";
  }

  example(): string {
    return "crc 0 2048 vda";
  }

  run(args: Args): i32 {
    const range = this.range;
    const error = range.parse(args, this, 1);
    if (error != E_OK) return error;
    const copier = theCopier();
    this.source.use(range.disk);
    this.sink.use();
    copier.source = this.source;
    copier.sink = this.sink;
    copier.plan(range.lba * SECTOR_BYTES, 0, range.sectorCount * SECTOR_BYTES, PIECE_BYTES);
    const begun = beginCopy(this.name());
    return begun == E_OK ? this.resume() : begun;
  }

  resume(): i32 {
    const result = resumeCopy(this.name());
    if (result != E_OK) return result;
    printCrc(this.sink.value);
    printCopied("read");
    return E_OK;
  }

  awaits(): i32 {
    return theCopier().awaits();
  }

  interrupt(): void {
    theCopier().stop();
  }
}
