/**
 * What discard, zero and erase have in common: a range of sectors, a question before it is lost,
 * and requests that stay within the limits of the device (§5.2.4, §5.2.6).
 */
import { rangeFeature, rangeLimits } from "../blk/checks";
import { BlkDevice } from "../blk/device";
import { BlkRange, SECTOR_BYTES } from "../blk/layout";
import { Waiter } from "../blk/waiter";
import { place, reserve } from "../util/arena";
import * as err from "../util/errors";
import { Args } from "./args";
import { CONFIRM, Command, complain, fail, printDiskName } from "./command";
import { out } from "./console";
import { SectorRange } from "./sector_range";

/** Ranges that one request holds at most here. */
const RANGES_MAX: u32 = 64;

export abstract class RangeCommand extends Command {
  private range!: SectorRange;
  private disk!: BlkDevice;
  private waiter!: Waiter;
  private rangesPtr: usize;
  private firstLba: u64;
  /** Everything below is done, and everything below the next one has been sent. */
  private doneLba: u64;
  private nextLba: u64;
  private endLba: u64;
  private isInterrupted: bool;

  init(): void {
    this.range = place<SectorRange>();
    this.waiter = place<Waiter>();
    this.rangesPtr = reserve(<usize>RANGES_MAX * offsetof<BlkRange>(), 16);
  }

  /** Type of the requests. */
  abstract type(): u32;

  /** What has been done to the sectors, as a participle. */
  abstract done(): string;

  /** Whether sectors at the ends that are no whole unit of the device may stay as they are. */
  keepsEnds(): bool {
    return false;
  }

  operands(): string {
    return "<sector> <count> [dev]";
  }

  run(args: Args): i32 {
    const range = this.range;
    const operandError = range.take(args, this, 1);
    if (operandError != err.E_OK) return operandError;
    if (range.sectorCount == 0) {
      complain(args);
      out.text("the count is 0").line();
      return err.E_ARGUMENT;
    }
    this.disk = range.disk;
    this.firstLba = range.lba;
    this.doneLba = range.lba;
    this.nextLba = range.lba;
    this.endLba = range.lba + range.sectorCount;
    this.isInterrupted = false;
    this.waiter.clear();
    const error = this.check();
    return error == err.E_OK ? CONFIRM : this.failHere(error);
  }

  private check(): i32 {
    const config = this.disk.config;
    const count = this.endLba - this.nextLba;
    if (!this.disk.has(rangeFeature(this.type()))) return err.E_NOT_OFFERED;
    if (this.disk.isReadOnly()) return err.E_READ_ONLY;
    if (!config.isInside(this.nextLba, count)) return err.E_RANGE;
    if (!config.isAligned(this.nextLba | count, 0)) return err.E_ALIGN;
    return this.fitToUnits(rangeLimits(config, this.type()).alignment);
  }

  /**
   * Keeps to the units of the device (§5.2.4): refuses a range that is not made of whole ones, or
   * leaves its ends as they are where `keepsEnds`.
   */
  private fitToUnits(unit: u32): i32 {
    const first = ((this.firstLba + unit - 1) / unit) * unit;
    const end = this.endLba - (this.endLba % unit);
    if (first == this.firstLba && end == this.endLba) return err.E_OK;
    if (!this.keepsEnds() || first >= end) return err.E_GRANULARITY;
    this.firstLba = first;
    this.doneLba = first;
    this.nextLba = first;
    this.endLba = end;
    return err.E_OK;
  }

  printQuestion(): void {
    out
      .text("The contents of ")
      .count(this.endLba - this.firstLba, "sector")
      .text(" from ");
    out.decimal(this.firstLba).text(" on are lost on ");
    printDiskName(this.disk);
    out.text(".");
  }

  /** Sends the next ranges once those before are done. */
  resume(): i32 {
    const result = this.waiter.result();
    if (result == err.PENDING) return err.PENDING;
    if (result != err.E_OK) return this.failHere(result);
    this.doneLba = this.nextLba;
    if (this.nextLba == this.endLba) {
      this.confirm();
      return err.E_OK;
    }
    if (this.isInterrupted) return this.failHere(err.E_INTERRUPTED);
    return this.sendNext();
  }

  interrupt(): void {
    this.isInterrupted = true;
  }

  private sendNext(): i32 {
    const rangesMax = min(rangeLimits(this.disk.config, this.type()).rangesMax, RANGES_MAX);
    let count: u32 = 0;
    while (count < rangesMax && this.nextLba < this.endLba) {
      const sectors = this.sectorsOfNext();
      if (sectors == 0) return this.failHere(err.E_CONFIG);
      const range = changetype<BlkRange>(this.rangesPtr + <usize>count * offsetof<BlkRange>());
      range.sector = this.nextLba;
      range.sectorCount = sectors;
      range.flags = 0;
      this.nextLba += sectors;
      count += 1;
    }
    const bytes = count * <u32>offsetof<BlkRange>();
    const result = this.waiter.send(this.disk, this.type(), 0, this.rangesPtr, bytes);
    return result == err.PENDING ? err.PENDING : this.failHere(result);
  }

  /** Length of the next range: to the end, or as many whole units as one may have; 0 for none. */
  private sectorsOfNext(): u32 {
    const limits = rangeLimits(this.disk.config, this.type());
    const rest = this.endLba - this.nextLba;
    if (rest <= limits.sectorsMax) return <u32>rest;
    const blockSectors = this.disk.config.blockBytes / SECTOR_BYTES;
    const isWhole = limits.alignment % blockSectors == 0;
    const unit = isWhole ? limits.alignment : limits.alignment * blockSectors;
    return limits.sectorsMax - (limits.sectorsMax % unit);
  }

  private confirm(): void {
    printDiskName(this.disk);
    out
      .text(": ")
      .count(this.endLba - this.firstLba, "sector")
      .text(" from ");
    out.decimal(this.firstLba).text(" on ").text(this.done()).line();
  }

  /** `discard: 8 sectors from 64 on, vda: cause`, and how far it came. */
  private failHere(error: i32): i32 {
    out
      .text(this.name())
      .text(": ")
      .count(this.endLba - this.firstLba, "sector")
      .text(" from ");
    out.decimal(this.firstLba).text(" on, ");
    printDiskName(this.disk);
    out.text(": ");
    const doneCount = this.doneLba - this.firstLba;
    if (doneCount > 0) out.text("the first ").decimal(doneCount).text(" done, then ");
    return fail(error);
  }
}
