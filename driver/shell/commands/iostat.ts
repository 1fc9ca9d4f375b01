/** iostat: what the disks have done since they were found, or since `iostat reset`. */
import { BlkDevice } from "../../blk/device";
import { diskAt, diskCount } from "../../blk/disks";
import { BUCKET_COUNT, KIND_COUNT, Kind, Statistics } from "../../blk/statistics";
import { ERROR_COUNT, E_ARGUMENT, E_OK, errorText } from "../../util/errors";
import { Args } from "../args";
import { Command, anyDiskOperand, checkOperandCount, printDiskName } from "../command";
import { out } from "../console";

const KIND_NAMES: StaticArray<string> = [
  "read",
  "write",
  "flush",
  "discard",
  "zero",
  "erase",
  "other",
];

const NAME_COLUMN: i32 = 14;
const COUNT_WIDTH: i32 = 12;
const BYTES_WIDTH: i32 = 16;
const TIME_WIDTH: i32 = 12;

export class Iostat extends Command {
  name(): string {
    return "iostat";
  }

  operands(): string {
    return "[dev]\nreset";
  }

  summary(): string {
    return "shows or clears what disks have done";
  }

  choices(): string {
    return "reset";
  }

  example(): string {
    return "iostat reset";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    if (args.is(1, "reset")) {
      for (let i = 0; i < diskCount(); ++i) clear(diskAt(i));
      return E_OK;
    }
    if (args.count == 1 && diskCount() > 0) {
      for (let i = 0; i < diskCount(); ++i) show(diskAt(i));
      return E_OK;
    }
    const disk = anyDiskOperand(args, 1);
    if (!disk) return E_ARGUMENT;
    show(disk);
    return E_OK;
  }
}

function clear(disk: BlkDevice): void {
  disk.statistics.clear();
}

function show(disk: BlkDevice): void {
  const statistics = disk.statistics;
  printDiskName(disk);
  out.text(": at most ").decimal(statistics.mostInFlight).text(" requests in flight, ");
  out.decimal(statistics.notificationsSent).text(" notifications sent, ");
  out.decimal(statistics.notificationsSuppressed).text(" suppressed").line();
  out.text("  splits ").decimal(statistics.splits);
  out.text(", recoveries ").decimal(statistics.recoveries);
  out.text(", replays ").decimal(statistics.replays).line();
  showKinds(statistics);
  showErrors(statistics);
  showLatency(statistics);
}

function showKinds(statistics: Statistics): void {
  for (let i = 0; i < KIND_COUNT; ++i) {
    const kind = <Kind>i;
    const count = statistics.operationsOf(kind);
    if (count == 0) continue;
    out
      .text("  ")
      .text(KIND_NAMES[i])
      .pad(2 + KIND_NAMES[i].length, NAME_COLUMN);
    out.right(count, COUNT_WIDTH).text(" requests");
    out.right(statistics.bytesOf(kind), BYTES_WIDTH).text(" bytes").line();
  }
}

function showErrors(statistics: Statistics): void {
  for (let i = 0; i < KIND_COUNT; ++i) {
    for (let error = -1; error > -ERROR_COUNT; --error) {
      const count = statistics.errorsOf(<Kind>i, error);
      if (count == 0) continue;
      out
        .text("  ")
        .text(KIND_NAMES[i])
        .pad(2 + KIND_NAMES[i].length, NAME_COLUMN);
      out.right(count, COUNT_WIDTH).text(" failed: ").text(errorText(error)).line();
    }
  }
}

/** Percentiles, and a line for each power of two between the fastest and the slowest. */
function showLatency(statistics: Statistics): void {
  if (statistics.maxLatencyNs == 0) return;
  out.text("  latency in us: p50 <= ").microseconds(statistics.latencyBelow(500));
  out.text(", p99 <= ").microseconds(statistics.latencyBelow(990));
  out.text(", p99.9 <= ").microseconds(statistics.latencyBelow(999));
  out.text(", max ").microseconds(statistics.maxLatencyNs).line();
  for (let bucket = 0; bucket < BUCKET_COUNT; ++bucket) {
    let count: u64 = 0;
    for (let i = 0; i < KIND_COUNT; ++i) count += statistics.inBucket(<Kind>i, bucket);
    if (count == 0) continue;
    out
      .text("    from ")
      .rightMicroseconds((<u64>1) << bucket, TIME_WIDTH)
      .text(" us");
    out.right(count, COUNT_WIDTH).line();
  }
}
