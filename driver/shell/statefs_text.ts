/** Lines about a StateFS volume. */
import { SECTOR_BYTES } from "../blk/layout";
import { E_OK, errorText } from "../util/errors";
import { Volume } from "../statefs/volume";
import { printDiskName } from "./command";
import { out } from "./console";
import { StoreReport } from "./statefs_report";

/** `992 of 992 units of 512 bytes free` */
export function printRoom(volume: Volume): void {
  const usable = volume.usableUnits();
  out
    .decimal(usable - min(usable, volume.headUnits))
    .text(" of ")
    .decimal(usable);
  out.text(" units of ").decimal(volume.unitBytes).text(" bytes free").line();
}

/** `mounted, 3 keys, record 17, 960 of 992 units of 512 bytes free` */
export function printMounted(volume: Volume, report: StoreReport): void {
  out.text("mounted, ").count(volume.index.count, "key");
  if (report.damageCount > 0) out.text(", ").decimal(report.damageCount).text(" damaged");
  if (report.discardCount > 0) out.text(", ").decimal(report.discardCount).text(" discarded");
  out.text(", ");
  printRoom(volume);
}

export function printInfo(volume: Volume): void {
  const sectors = <u64>volume.unitCount * (volume.unitBytes / SECTOR_BYTES);
  printDiskName(volume.disk);
  out
    .text(": ")
    .decimal(sectors)
    .text(" sectors from ")
    .decimal(volume.firstLba)
    .text(" on")
    .line();
  out.text("keys:      ").decimal(volume.index.count).line();
  out.text("in use:    ").count(volume.index.liveUnits, "unit").line();
  out.text("log:       ").count(volume.headUnits, "unit").text(", ");
  out.decimal(volume.committedUnits).text(" of them stable").line();
  out.text("free:      ");
  printRoom(volume);
  out.text("half:      ").decimal(volume.half).text(", epoch ").decimal(volume.epoch).line();
  out.text("record:    ").decimal(volume.lastSequence).text(", generation ");
  out.decimal(volume.generation).text(", commit ").decimal(volume.commit).line();
  const error = volume.checkWritable();
  out.text("writable:  ");
  if (error == E_OK) out.text("yes").line();
  else out.text("no, ").text(errorText(error)).line();
}
