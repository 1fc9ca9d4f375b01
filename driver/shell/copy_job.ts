/**
 * What dd, cmp, hexdump, fill and crc share: the one copier, its memory, and the line that says
 * where it failed. Only the command in the foreground uses them.
 */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import { Copier } from "../io/copier";
import { place } from "../util/arena";
import { E_INTERRUPTED, E_OK, E_RESET, PENDING } from "../util/errors";
import { BULK_BYTES, bulkFor } from "./bulk";
import { fail, printDiskName } from "./command";
import { out } from "./console";
import { beginProgress, clearProgress, printTransfer, showProgress } from "./dd_report";

let copier!: Copier;
let isPlaced: bool = false;

/** The copier of the command in the foreground; placed by the first command that is. */
export function theCopier(): Copier {
  if (isPlaced) return copier;
  isPlaced = true;
  copier = place<Copier>();
  copier.init();
  return copier;
}

/**
 * Starts the copy that the copier describes, in the bulk area but its last `keptBytes`. Returns
 * E_OK, or an error whose line is printed.
 */
export function beginCopy(command: string, keptBytes: u32 = 0): i32 {
  const bulkPtr = bulkFor(command);
  if (bulkPtr == 0) return E_RESET;
  copier.begin(bulkPtr, BULK_BYTES - keptBytes);
  beginProgress(copier);
  return E_OK;
}

/**
 * One slice of a copy with progress, and when it has ended badly its line: what a command does that
 * ends with nothing more than that.
 */
export function resumeCopy(command: string): i32 {
  const result = copier.go();
  if (result == PENDING) {
    showProgress(copier);
    return PENDING;
  }
  clearProgress();
  if (result == E_INTERRUPTED) {
    out.text(command).text(": interrupted after ").decimal(copier.doneBytes).text(" bytes").line();
  } else if (result != E_OK) failCopy(command, result);
  return result;
}

/** The last line of a copy: bytes, time and rate. */
export function printCopied(done: string): void {
  printTransfer(copier.doneBytes, copier.elapsedNs(), done);
  out.line();
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
