/**
 * What blkperf prints: a table for people, `PERF key=value ...` lines for programs. Numbers are
 * integers; decimals are fixed.
 */
import { BlkDevice } from "../blk/device";
import { VIRTIO_BLK_T_OUT } from "../blk/layout";
import { reservedBytes } from "../util/arena";
import { errorText } from "../util/errors";
import { decimalLength } from "../util/numbers";
import { printDiskName } from "./command";
import { Console, out } from "./console";
import { Meter } from "./perf_instructions";
import { Access, Load, Plan } from "./perf_load";

const NAME_COLUMN: i32 = 19;
const NS_PER_SECOND: u64 = 1_000_000_000;

/** Longest progress line, which is overwritten with spaces. */
const PROGRESS_COLUMNS: i32 = 60;

export function printTableHead(): void {
  out.text("access              block  depth      MB/s      IOPS    p50 us    p99 us  p99.9 us");
  out.line();
}

/** One row of the table: a load that has ended. */
export function printRow(plan: Plan, load: Load): void {
  const ns = load.elapsedNs();
  const histogram = load.histogram;
  const name = accessName(plan.access);
  const order = plan.isRandom ? "random" : "sequential";
  out.text(name).text(" ").text(order);
  out.pad(name.length + 1 + order.length, NAME_COLUMN - 1);
  printBlockSize(plan.blockBytes);
  out.right(plan.depth, 7);
  rightTenths((load.requestsDone * plan.blockBytes * 10_000) / ns, 10);
  out.right((load.requestsDone * NS_PER_SECOND) / ns, 10);
  rightTenths(histogram.latencyBelow(500) / 100, 10);
  rightTenths(histogram.latencyBelow(990) / 100, 10);
  rightTenths(histogram.latencyBelow(999) / 100, 10);
  out.line();
}

/** The same for programs. */
export function printRawRow(plan: Plan, load: Load): void {
  const histogram = load.histogram;
  out.text("PERF disk=");
  printDiskName(plan.disk);
  out.text(" access=").text(accessName(plan.access));
  out.text(" order=").text(plan.isRandom ? "random" : "sequential");
  out.text(" bs=").decimal(plan.blockBytes).text(" depth=").decimal(plan.depth);
  out.text(" requests=").decimal(load.requestsDone).text(" ns=").decimal(load.elapsedNs());
  out.text(" p50_ns=").decimal(histogram.latencyBelow(500));
  out.text(" p99_ns=").decimal(histogram.latencyBelow(990));
  out.text(" p999_ns=").decimal(histogram.latencyBelow(999));
  out.text(" max_ns=").decimal(histogram.maxNs).line();
}

/** A line that the next one overwrites: how far a load is. */
export function printProgress(plan: Plan, load: Load): void {
  out.char(0x0d).text("  ").text(accessName(plan.access)).text(": ");
  rightTenths(load.elapsedNs() / (NS_PER_SECOND / 10), 1);
  out.text(" s, ").decimal(load.requestsDone).text(" requests   ").flush();
}

export function clearProgress(): void {
  out.char(0x0d).pad(0, PROGRESS_COLUMNS).char(0x0d);
}

/** `blkperf: read at sector 8 on vda: cause` */
export function printFailure(plan: Plan, load: Load): void {
  out.text("blkperf: ").text(load.errorType == VIRTIO_BLK_T_OUT ? "write" : "read");
  out.text(" at sector ").decimal(load.errorLba).text(" on ");
  printDiskName(plan.disk);
  out.text(": ").text(errorText(load.error)).line();
}

/** What a meter has found, for people or for programs. */
export function printMeter(disk: BlkDevice, meter: Meter, isRaw: bool): void {
  const submit = meter.perRequest10(meter.submitNs, meter.sentCount, meter.batchCount());
  const dispatch = meter.perRequest10(meter.dispatchNs, meter.sentCount, meter.batchCount());
  const complete = meter.perRequest10(meter.completeNs, meter.doneCount, meter.pollCount);
  const waiting = meter.perRequest10(meter.awaitNs, meter.sentCount, meter.awaitCount);
  if (isRaw) out.text("PERF instructions ");
  printDiskName(disk);
  part(isRaw, "depth").decimal(meter.depth);
  partTenths(isRaw, "submit", submit);
  partTenths(isRaw, "dispatch", dispatch);
  partTenths(isRaw, "complete", complete);
  partTenths(isRaw, "total", submit + dispatch + complete);
  partTenths(isRaw, "waiting", waiting);
  part(isRaw, "requests").decimal(meter.doneCount);
  part(isRaw, "polls").decimal(meter.pollCount).line();
}

function part(isRaw: bool, name: string): Console {
  return out
    .text(isRaw ? " " : ", ")
    .text(name)
    .text(isRaw ? "=" : " ");
}

function partTenths(isRaw: bool, name: string, value: u64): void {
  part(isRaw, name);
  rightTenths(value, 1);
}

/** Linear memory, and what of it is in use since the start. */
export function printRawMemory(): void {
  out.text("PERF memory linear_bytes=").decimal((<u64>memory.size()) << 16);
  out.text(" reserved_bytes=").decimal(reservedBytes()).line();
}

function accessName(access: Access): string {
  if (access == Access.MIXED) return "mixed";
  return access == Access.WRITE ? "write" : "read";
}

/** In seven columns: ` 4 KiB`, or bytes when it is no whole number of KiB. */
function printBlockSize(bytes: u32): void {
  if (bytes % (1 << 20) == 0) out.right(bytes >> 20, 3).text(" MiB");
  else if (bytes % 1024 == 0) out.right(bytes >> 10, 3).text(" KiB");
  else out.right(bytes, 5).text(" B");
}

/** A number of tenths with its decimal, at the right end of `width` columns. */
function rightTenths(value: u64, width: i32): void {
  for (let i = decimalLength(value / 10) + 2; i < width; ++i) out.char(0x20);
  out
    .decimal(value / 10)
    .char(0x2e)
    .decimal(value % 10);
}
