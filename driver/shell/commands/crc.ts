/** crc: the CRC32C of sectors. */
import { SECTOR_BYTES } from "../../blk/layout";
import { CrcSink } from "../../io/sinks";
import { DiskSource } from "../../io/sources";
import { place } from "../../util/arena";
import { E_INTERRUPTED, E_OK, PENDING } from "../../util/errors";
import { Args } from "../args";
import { Command } from "../command";
import { out } from "../console";
import { beginCopy, failCopy, theCopier } from "../copy_job";
import { printCrc } from "../dd_copy";
import { beginProgress, clearProgress, printTransfer, showProgress } from "../dd_report";
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
    if (begun != E_OK) return begun;
    beginProgress(copier);
    return this.resume();
  }

  resume(): i32 {
    const copier = theCopier();
    const result = copier.go();
    if (result == PENDING) {
      showProgress(copier);
      return PENDING;
    }
    clearProgress();
    if (result == E_INTERRUPTED) {
      out.text("crc: interrupted after ").decimal(copier.doneBytes).text(" bytes").line();
    } else if (result != E_OK) return failCopy(this.name(), result);
    else this.print();
    return result;
  }

  private print(): void {
    const copier = theCopier();
    printCrc(this.sink.value);
    printTransfer(copier.doneBytes, copier.elapsedNs(), "read");
    out.line();
  }

  interrupt(): void {
    theCopier().stop();
  }
}
