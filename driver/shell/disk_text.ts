/** Lines about a disk that more than one place prints. */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import { E_OK, errorText } from "../util/errors";
import { printDiskName } from "./command";
import { out } from "./console";

const UNITS: string = "KMGTPE";

/** `32 MiB`; rounded down, in the largest unit that leaves at least 1. */
function printSize(bytes: u64): void {
  let unit = -1;
  for (; bytes >= 1024 && unit + 1 < UNITS.length; bytes >>= 10) ++unit;
  out.decimal(bytes).text(" ");
  if (unit >= 0) out.char(UNITS.charCodeAt(unit)).text("i");
  out.text("B");
}

/** `65536 sectors (32 MiB)` */
export function printCapacity(disk: BlkDevice): void {
  const sectors = disk.config.capacitySectors;
  out.decimal(sectors).text(" sectors (");
  printSize(sectors * SECTOR_BYTES);
  out.text(")");
}

/** What becomes of a write until a flush. */
export function writePolicy(disk: BlkDevice): string {
  return disk.hasWriteCache() ? "write-back cache" : "synchronous writes";
}

/** One line that says what the disk is, or why it cannot be used. */
export function printDiskLine(disk: BlkDevice): void {
  printDiskName(disk);
  out.text(": ").text(disk.transport.describe()).text(", ");
  if (disk.health != E_OK) {
    out.text("not usable: ").text(errorText(disk.health)).line();
    return;
  }
  printCapacity(disk);
  out.text(", ").decimal(disk.config.blockBytes).text("-byte blocks, ");
  out.text(disk.isReadOnly() ? "read-only" : writePolicy(disk)).line();
}
