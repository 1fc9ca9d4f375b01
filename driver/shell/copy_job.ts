/**
 * What dd, cmp, hexdump, fill and crc share: the one copier, its memory, and the line that says
 * where it failed. Only the command in the foreground uses them.
 */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import { initChecksum } from "../io/checksum";
import { Copier } from "../io/copier";
import { place } from "../util/arena";
import { E_OK, E_RESET } from "../util/errors";
import { BULK_BYTES, takeBulk } from "./bulk";
import { fail, printDiskName } from "./command";
import { out } from "./console";

let copier!: Copier;
let isPlaced: bool = false;

/** The copier of the command in the foreground; placed by the first command that is. */
export function theCopier(): Copier {
  if (isPlaced) return copier;
  isPlaced = true;
  copier = place<Copier>();
  copier.init();
  initChecksum();
  return copier;
}

/** Starts the copy that the copier describes. Returns E_OK, or an error whose line is printed. */
export function beginCopy(command: string): i32 {
  const bulkPtr = takeBulk();
  if (bulkPtr == 0) {
    out.text(command).text(": the memory for it is not free: ");
    return fail(E_RESET);
  }
  copier.begin(bulkPtr, BULK_BYTES);
  return E_OK;
}

/** `dd: read at sector 7 on vda: cause`, and hands the error on. */
export function failAt(command: string, isWrite: bool, disk: BlkDevice, at: u64, error: i32): i32 {
  out.text(command).text(isWrite ? ": write" : ": read");
  out.text(" at sector ").decimal(at / SECTOR_BYTES);
  out.text(" on ");
  printDiskName(disk);
  out.text(": ");
  return fail(error);
}

/** The line for an error that ended the copy; the error is handed on. */
export function failCopy(command: string, error: i32): i32 {
  if (copier.isEndError) return failFlush(command, copier.sink.disk()!, error);
  const disk = copier.isWriteError ? copier.sink.disk() : copier.source.disk();
  if (disk) return failAt(command, copier.isWriteError, disk, copier.errorOffset, error);
  out.text(command).text(": ");
  return fail(error);
}

/** `dd: flush of vda: cause` */
function failFlush(command: string, disk: BlkDevice, error: i32): i32 {
  out.text(command).text(": flush of ");
  printDiskName(disk);
  out.text(": ");
  return fail(error);
}
