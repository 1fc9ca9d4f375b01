/** blkinfo: all that is known about one disk. */
import { BlkDevice } from "../../blk/device";
import { blkFeatureName } from "../../blk/layout";
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { virtioFeatureName } from "../../virtio/layout";
import { Args } from "../args";
import { Command, checkOperandCount, diskOperand, printDiskName } from "../command";
import { Console, out } from "../console";
import { printCapacity, writePolicy } from "../disk_text";

const VALUE_COLUMN: i32 = 18;

export class Blkinfo extends Command {
  name(): string {
    return "blkinfo";
  }

  operands(): string {
    return "[dev]";
  }

  summary(): string {
    return "shows all that is known about a disk";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    const disk = diskOperand(args, 1);
    if (!disk) return E_ARGUMENT;
    printDevice(disk);
    printCounters(disk);
    return E_OK;
  }
}

function printDevice(disk: BlkDevice): void {
  label("disk");
  printDiskName(disk);
  out.line();
  label("transport").text(disk.transport.describe()).line();
  label("capacity");
  printCapacity(disk);
  out.line();
  label("block size").decimal(disk.config.blockBytes).text(" bytes").line();
  label("access")
    .text(disk.isReadOnly() ? "read-only" : "read and write")
    .line();
  label("writes").text(writePolicy(disk)).line();
  label("largest request").decimal(disk.config.chainBytesMax).text(" bytes").line();
  label("queue size").decimal(disk.queue.size).line();
  label("accepted");
  printFeatures(disk.accepted);
  label("declined");
  printFeatures(disk.offered & ~disk.accepted);
}

function printCounters(disk: BlkDevice): void {
  label("sectors read").decimal(disk.sectorsRead).line();
  label("sectors written").decimal(disk.sectorsWritten).line();
  label("requests failed").decimal(disk.requestsFailed).line();
  label("recoveries").decimal(disk.recoveries).line();
}

function label(text: string): Console {
  return out.text(text).pad(text.length, VALUE_COLUMN);
}

/** The names of the bits that are set, `bit n` for those that the specification has no name for. */
function printFeatures(features: u64): void {
  if (features == 0) out.text("none");
  for (let bit = 0, isFirst = true; bit < 64; ++bit) {
    if (!((features >> bit) & 1)) continue;
    if (!isFirst) out.text(" ");
    isFirst = false;
    printFeature(bit);
  }
  out.line();
}

function printFeature(bit: i32): void {
  const blkName = blkFeatureName(bit);
  const name = blkName.length > 0 ? blkName : virtioFeatureName(bit);
  if (name.length > 0) out.text(name);
  else out.text("bit").decimal(bit);
}
