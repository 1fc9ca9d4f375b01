/**
 * blkperf: how fast a disk is, measured in the guest.
 *
 * Without options it runs a suite, otherwise the one load that the options describe. It writes only
 * with `--write`, and then only what it has read before: the scratch range, at the end of the disk,
 * keeps its content at every moment. With `--instructions` it measures what a request costs the
 * guest.
 */
import { BlkDevice } from "../../blk/device";
import { SECTOR_BYTES, VIRTIO_BLK_T_IN } from "../../blk/layout";
import { Waiter } from "../../blk/waiter";
import { place } from "../../util/arena";
import { E_INTERRUPTED, E_OK, E_RESET, PENDING } from "../../util/errors";
import { Args } from "../args";
import { BULK_BYTES, bulkFor } from "../bulk";
import { Candidates } from "../candidates";
import { AWAITS_NOTHING, Command, complain, fail, printDiskName } from "../command";
import { out } from "../console";
import { Meter } from "../perf_instructions";
import { Access, Load, Plan } from "../perf_load";
import { Option, PerfOptions, offerOptions } from "../perf_options";
import * as report from "../perf_report";
import { planRow, suiteRows } from "../perf_suite";

/** Most of the scratch range, and so of its copy in memory: one request. */
const SCRATCH_BYTES_MAX: u32 = 4 << 20;

const DEFAULT_BLOCK_BYTES: u32 = 4096;
const METER_DEPTH: u32 = 32;

const NS_PER_SECOND: u64 = 1_000_000_000;
const DEFAULT_SECONDS: u32 = 1;
/** A load that lasts longer than this shows how far it is, and this often. */
const PROGRESS_NS: u64 = NS_PER_SECOND;

const DETAILS: string = `  --bs <bytes>  --depth <n>     size of a request, and how many in flight
  --random                      anywhere on the disk, not in order
  --write  --mixed              writes, or also reads; the disk stays as it is
  --seconds <n>  --count <n>    how long, or how many requests
  --instructions                counts instructions a request instead
  --raw                         prints for a program
Without --bs, --depth, --random, --mixed and --count: a table of loads.`;

/** What `resume` waits for. */
enum Step {
  SCRATCH,
  LOAD,
  METER,
}

export class Blkperf extends Command {
  private options!: PerfOptions;
  private plan!: Plan;
  private load!: Load;
  private meter!: Meter;
  private waiter!: Waiter;
  private step: Step;
  private row: i32;
  private progressNs: u64;
  private isInterrupted: bool;

  init(): void {
    this.options = place<PerfOptions>();
    this.options.init();
    this.plan = place<Plan>();
    this.load = place<Load>();
    this.load.init();
    this.meter = place<Meter>();
    this.meter.init();
    this.waiter = place<Waiter>();
  }

  name(): string {
    return "blkperf";
  }

  operands(): string {
    return "[dev] [option]...";
  }

  details(): string {
    return DETAILS;
  }

  summary(): string {
    return "measures how fast a disk is";
  }

  complete(words: Args, to: Candidates): void {
    offerOptions(to);
    to.offerDisks();
  }

  example(): string {
    return "blkperf --bs 4k --count 1k";
  }

  run(args: Args): i32 {
    this.isInterrupted = false;
    const error = this.options.parse(args, this);
    if (error != E_OK) return error;
    const bulkPtr = bulkFor(this.name());
    if (bulkPtr == 0) return E_RESET;
    const disk = this.options.disk;
    this.row = 0;
    this.planMemory(disk, bulkPtr);
    if (this.options.has(Option.RAW)) report.printRawMemory();
    if (this.options.has(Option.INSTRUCTIONS)) return this.beginMeter(METER_DEPTH);
    if (this.options.has(Option.WRITE)) return this.readScratch();
    return this.beginTable();
  }

  /**
   * All of the bulk area is for reads, or with `--write` half of it for the content of the scratch
   * range.
   */
  private planMemory(disk: BlkDevice, bulkPtr: usize): void {
    const plan = this.plan;
    const writes = this.options.has(Option.WRITE);
    plan.disk = disk;
    plan.readPtr = bulkPtr;
    plan.readBytes = writes ? BULK_BYTES - SCRATCH_BYTES_MAX : BULK_BYTES;
    plan.scratchPtr = bulkPtr + plan.readBytes;
    const sectors = min<u64>(disk.config.capacitySectors, SCRATCH_BYTES_MAX / SECTOR_BYTES);
    plan.scratchBytes = (<u32>sectors * SECTOR_BYTES) & ~(disk.config.blockBytes - 1);
    const start = disk.config.capacitySectors - plan.scratchBytes / SECTOR_BYTES;
    plan.scratchLba = start - (start % (disk.config.blockBytes / SECTOR_BYTES));
  }

  private readScratch(): i32 {
    const plan = this.plan;
    this.step = Step.SCRATCH;
    const result = this.waiter.send(
      plan.disk,
      VIRTIO_BLK_T_IN,
      plan.scratchLba,
      plan.scratchPtr,
      plan.scratchBytes,
    );
    return result == PENDING ? PENDING : this.endScratch(result);
  }

  private endScratch(result: i32): i32 {
    if (this.isInterrupted) return E_INTERRUPTED;
    if (result == E_OK) return this.beginTable();
    out.text("blkperf: read at sector ").decimal(this.plan.scratchLba).text(" on ");
    printDiskName(this.plan.disk);
    out.text(": ");
    return fail(result);
  }

  private beginTable(): i32 {
    if (!this.options.has(Option.RAW)) {
      this.printPlan();
      report.printTableHead();
    }
    return this.beginLoads();
  }

  /** What the table does not say. */
  private printPlan(): void {
    const plan = this.plan;
    printDiskName(plan.disk);
    out.text(": queue of ").decimal(plan.disk.queue.size).text(", ");
    if (this.options.has(Option.COUNT)) out.decimal(this.requestCount()).text(" requests");
    else out.decimal(this.options.value(Option.SECONDS, DEFAULT_SECONDS)).text(" s each");
    if (this.options.has(Option.WRITE)) {
      out.text("; writes sectors ").decimal(plan.scratchLba).text(" to ");
      out.decimal(plan.scratchLba + plan.scratchBytes / SECTOR_BYTES - 1);
      out.text(" with what they hold");
    }
    out.line();
  }

  private requestCount(): u64 {
    const most = u64.MAX_VALUE;
    return this.options.has(Option.COUNT) ? this.options.value(Option.COUNT, 0) : most;
  }

  /** Starts the first load, from the current row on, that the disk can do. */
  private beginLoads(): i32 {
    const rows = this.options.isSingle() ? 1 : suiteRows(this.options.has(Option.WRITE));
    for (; this.row < rows; this.row += 1) {
      if (this.beginLoad()) return PENDING;
    }
    return E_OK;
  }

  /** Starts the load of the current row. False when the disk cannot do it. */
  private beginLoad(): bool {
    const plan = this.plan;
    const options = this.options;
    if (options.isSingle()) this.planSingle();
    else planRow(plan, this.row);
    const queueDepth = plan.disk.queue.chainCount;
    if (plan.depth > queueDepth) this.limitDepth(queueDepth);
    plan.requestCount = this.requestCount();
    const seconds = options.value(Option.SECONDS, DEFAULT_SECONDS);
    plan.durationNs = options.has(Option.COUNT) ? u64.MAX_VALUE >> 1 : seconds * NS_PER_SECOND;
    if (!this.isPossible()) return false;
    this.step = Step.LOAD;
    this.load.begin(plan);
    this.progressNs = this.load.startNs + PROGRESS_NS;
    return true;
  }

  private planSingle(): void {
    const plan = this.plan;
    const options = this.options;
    plan.access = options.has(Option.WRITE) ? Access.WRITE : Access.READ;
    if (options.has(Option.MIXED)) plan.access = Access.MIXED;
    plan.isRandom = options.has(Option.RANDOM);
    const blockBytes = max(DEFAULT_BLOCK_BYTES, plan.disk.config.blockBytes);
    plan.blockBytes = options.value(Option.BS, blockBytes);
    plan.depth = options.value(Option.DEPTH, 1);
  }

  private limitDepth(queueDepth: u32): void {
    if (this.options.has(Option.DEPTH) && !this.options.has(Option.RAW)) {
      out.text("depth ").decimal(this.plan.depth).text(" is more than the queue holds: ");
      out.decimal(queueDepth).text(" is used").line();
    }
    this.plan.depth = queueDepth;
  }

  /** Whether the disk can do the load: its blocks are no larger, and it has room for one. */
  private isPossible(): bool {
    const plan = this.plan;
    const config = plan.disk.config;
    const rangeBytes =
      plan.access == Access.READ ? config.capacitySectors * SECTOR_BYTES : plan.scratchBytes;
    return config.isAligned(0, plan.blockBytes) && plan.blockBytes <= rangeBytes;
  }

  resume(): i32 {
    if (this.step == Step.LOAD) return this.resumeLoad();
    if (this.step == Step.METER) return this.resumeMeter();
    const result = this.waiter.result();
    return result == PENDING ? PENDING : this.endScratch(result);
  }

  private resumeLoad(): i32 {
    const load = this.load;
    if (!load.isDone()) {
      if (this.plan.disk.nowNs >= this.progressNs && load.isSending()) this.showProgress();
      return PENDING;
    }
    if (this.hasProgress()) report.clearProgress();
    if (this.options.has(Option.RAW)) report.printRawRow(this.plan, load);
    else report.printRow(this.plan, load);
    if (load.error != E_OK) {
      report.printFailure(this.plan, load);
      return load.error;
    }
    if (this.isInterrupted) return this.endInterrupted(load.requestsDone);
    this.row += 1;
    return this.beginLoads();
  }

  private endInterrupted(requestsDone: u64): i32 {
    out.text("blkperf: interrupted after ").decimal(requestsDone).text(" requests").line();
    return E_INTERRUPTED;
  }

  private hasProgress(): bool {
    const hasShown = this.progressNs > this.load.startNs + PROGRESS_NS;
    return hasShown && !this.options.has(Option.RAW);
  }

  private showProgress(): void {
    this.progressNs += PROGRESS_NS;
    if (!this.options.has(Option.RAW)) report.printProgress(this.plan, this.load);
  }

  private beginMeter(depth: u32): i32 {
    const disk = this.plan.disk;
    const bytes = max(DEFAULT_BLOCK_BYTES, disk.config.blockBytes);
    this.step = Step.METER;
    this.meter.begin(disk, min(depth, disk.queue.chainCount), bytes, this.plan.readPtr);
    return PENDING;
  }

  private resumeMeter(): i32 {
    const meter = this.meter;
    if (!meter.isDone()) return PENDING;
    if (this.isInterrupted) return this.endInterrupted(meter.doneCount);
    if (meter.error != E_OK) {
      out.text("blkperf: ");
      return fail(meter.error);
    }
    report.printMeter(this.plan.disk, meter, this.options.has(Option.RAW));
    return meter.depth == 1 ? E_OK : this.beginMeter(1);
  }

  awaits(): i32 {
    return this.step == Step.LOAD ? this.load.awaits() : AWAITS_NOTHING;
  }

  interrupt(): void {
    this.isInterrupted = true;
    this.load.stop();
    this.meter.stop();
  }
}
