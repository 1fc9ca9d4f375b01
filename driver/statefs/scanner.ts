/**
 * Walks through the log of a half, record by record.
 *
 * Up to the committed end every record is known to have been whole: what is not now is damage,
 * and the walk goes on at the next unit that a record begins in. Behind the committed end a record
 * counts only when its value is whole too, and the first one that does not is the end of the log.
 * Generations never fall and sequence numbers always grow, so what is left over from before is not
 * taken for a record.
 *
 * Only one unit is judged again when a read fails, so one bad sector does not hide its neighbours.
 */
import { checksum } from "../io/checksum";
import { place } from "../util/arena";
import { E_IO, E_OK, PENDING } from "../util/errors";
import { Operation } from "./operation";
import { StoreRecord } from "./record";
import { Volume } from "./volume";
import { Window } from "./window";

/** What a walk comes upon. */
export enum Found {
  /** Nothing in this slice. */
  PENDING = 1,
  /** A record. */
  RECORD,
  /** A record whose value is not what was written. */
  BAD_VALUE,
  /** The first of some units in which there should be a record and is none. */
  DAMAGE,
  END,
}

/** Units that are looked at in one slice. */
const UNITS_PER_SLICE: u32 = 256;

export class Scanner {
  record!: StoreRecord;
  window!: Window;
  /** The unit of the half that comes next; at the end, where the log ends. */
  at: u32;
  private volume!: Volume;
  private half: u32;
  private epoch: u32;
  private committedUnits: u32;
  private endUnits: u32;
  private lastSequence: u64;
  private lastGeneration: u32;
  /** Whether values are read, also of committed records. */
  private readsValues: bool;
  private isDamaged: bool;
  private pending: Operation | null;
  /** While a value is being read: how much of it has been, and its sum. */
  private isInValue: bool;
  private valueDone: u32;
  private valueCrc: u32;

  init(volume: Volume): void {
    this.volume = volume;
    this.record = place<StoreRecord>();
    this.record.init();
    this.window = place<Window>();
    this.window.init(volume);
  }

  /** Starts at unit 0 of the half in use. Its log ends before `endUnits`. */
  begin(committedUnits: u32, endUnits: u32, readsValues: bool): void {
    this.half = this.volume.half;
    this.epoch = this.volume.epoch;
    this.at = 0;
    this.committedUnits = committedUnits;
    this.endUnits = endUnits;
    this.lastSequence = 0;
    this.lastGeneration = 0;
    this.readsValues = readsValues;
    this.isDamaged = false;
    this.isInValue = false;
    this.pending = null;
    this.window.clear();
  }

  /** Goes on behind the end of the log, up to `endUnits`, for what looks like a record there. */
  lookBehind(endUnits: u32): void {
    this.committedUnits = endUnits;
    this.endUnits = endUnits;
    this.lastGeneration = max(this.lastGeneration, this.volume.generation);
    this.isDamaged = true;
  }

  sequence(): u64 {
    return this.lastSequence;
  }

  generation(): u32 {
    return this.lastGeneration;
  }

  /** The place of the unit that comes next. */
  place(): u32 {
    return this.volume.placeOf(this.half, this.at);
  }

  /** One slice: one of Found, or a negative error. `record` is good until the next call. */
  next(): i32 {
    const pending = this.pending;
    if (pending) {
      const result = pending.resume();
      if (result == PENDING) return Found.PENDING;
      this.pending = null;
      if (result != E_OK) return this.readFailed(result);
    }
    return this.isInValue ? this.sumValue() : this.findRecord();
  }

  /** Looks for the next record among the units that the window holds. */
  private findRecord(): i32 {
    for (let i: u32 = 0; i < UNITS_PER_SLICE; ++i) {
      if (this.at >= this.endUnits) return Found.END;
      const place = this.place();
      if (this.window.unitsFrom(place) == 0) return this.load(place);
      if (this.isRecord(place)) return this.take();
      if (this.at >= this.committedUnits) return Found.END;
      if (this.skipUnit()) return Found.DAMAGE;
    }
    return Found.PENDING;
  }

  private load(place: u32): i32 {
    this.pending = this.window.load(place, this.volume.placeOf(this.half, this.endUnits));
    return Found.PENDING;
  }

  /** Passes over a unit that is no record. Whether it is the first of them. */
  private skipUnit(): bool {
    const isFirst = !this.isDamaged;
    this.isDamaged = true;
    this.at += 1;
    return isFirst;
  }

  /** Whether a record begins at unit `place` that can follow those before it. */
  private isRecord(place: u32): bool {
    const record = this.record;
    if (!record.parse(this.volume, this.epoch, place, this.window.at(place))) return false;
    const isCommitted = this.at < this.committedUnits;
    const end = isCommitted ? this.committedUnits : this.endUnits;
    if (record.units > end - this.at || record.sequence <= this.lastSequence) return false;
    const floor = isCommitted ? 0 : this.volume.generation;
    return record.generation >= max(this.lastGeneration, floor);
  }

  private take(): i32 {
    if (!this.readsValues && this.at < this.committedUnits) return this.accept(Found.RECORD);
    this.isInValue = true;
    this.valueDone = 0;
    this.valueCrc = 0;
    return this.sumValue();
  }

  private accept(found: Found): i32 {
    this.isInValue = false;
    this.isDamaged = false;
    this.lastSequence = this.record.sequence;
    this.lastGeneration = this.record.generation;
    this.at += this.record.units;
    return found;
  }

  /** Adds the part of the value that the window holds, and asks for the next. */
  private sumValue(): i32 {
    const record = this.record;
    const unitBytes = this.volume.unitBytes;
    const skip = record.headBytes() + this.valueDone;
    const place = record.place + skip / unitBytes;
    const left = record.valueBytes - this.valueDone;
    if (left == 0) return this.judgeValue();
    const units = this.window.unitsFrom(place);
    if (units == 0) return this.load(place);
    const inUnit = skip % unitBytes;
    const bytes = min(left, units * unitBytes - inUnit);
    this.valueCrc = checksum(this.valueCrc, this.window.at(place) + inUnit, bytes);
    this.valueDone += bytes;
    return Found.PENDING;
  }

  private judgeValue(): i32 {
    const isWhole = this.valueCrc == this.record.valueCrc;
    if (isWhole) return this.accept(Found.RECORD);
    if (this.at < this.committedUnits) return this.accept(Found.BAD_VALUE);
    this.isInValue = false;
    return Found.END;
  }

  /** A sector that cannot be read is damage like any other. */
  private readFailed(error: i32): i32 {
    if (error != E_IO) return error;
    if (this.window.shrink()) {
      const place = this.window.firstPlace;
      this.pending = this.window.load(place, place + 1);
      return Found.PENDING;
    }
    if (this.isInValue) {
      this.valueCrc = ~this.record.valueCrc;
      this.valueDone = this.record.valueBytes;
      return this.judgeValue();
    }
    if (this.at >= this.committedUnits) return Found.END;
    return this.skipUnit() ? Found.DAMAGE : Found.PENDING;
  }
}
