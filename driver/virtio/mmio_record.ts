/**
 * What was written to the registers of one device, and in which order. Most of them cannot be read
 * back, so this is the only way to find out later what the device was told.
 */
import { placeArray } from "../util/arena";
import * as reg from "./layout";

const REGISTER_COUNT: i32 = <i32>(reg.Config / 4);

export class MmioRecord {
  /** Times that 0 was written to Status. */
  resetCount: u32;
  /** Times that a queue was handed over since then. */
  setUpCount: u32;
  /** The queue that was notified last since then, if one was. */
  hasNotified: bool;
  notifiedQueue: u32;
  private values!: StaticArray<u32>;
  /** When each register was written last, 0 for never. */
  private turns!: StaticArray<u32>;
  private turn: u32;
  private resetTurn: u32;

  init(): void {
    this.values = placeArray<u32>(REGISTER_COUNT);
    this.turns = placeArray<u32>(REGISTER_COUNT);
  }

  /** A write to QueueNotify: there are too many of them to be numbered. */
  noteNotification(queue: u32): void {
    this.hasNotified = true;
    this.notifiedQueue = queue;
  }

  /** Any other write. */
  note(offset: u32, value: u32): void {
    this.turn += 1;
    this.values[offset / 4] = value;
    this.turns[offset / 4] = this.turn;
    if (offset == reg.Status && value == 0) {
      this.resetCount += 1;
      this.setUpCount = 0;
      this.hasNotified = false;
      this.resetTurn = this.turn;
    } else if (value != 0 && (offset == reg.QueuePFN || offset == reg.QueueReady)) {
      this.setUpCount += 1;
    }
  }

  /** Whether the register was written since the last reset. */
  has(offset: u32): bool {
    return this.turns[offset / 4] > this.resetTurn;
  }

  /** What was written to it last since the last reset, otherwise 0. */
  value(offset: u32): u32 {
    return this.has(offset) ? this.values[offset / 4] : 0;
  }

  /** Both halves of an address. */
  value64(lowOffset: u32): u64 {
    return this.value(lowOffset) | ((<u64>this.value(lowOffset + 4)) << 32);
  }

  /** Whether `first` was written after `second`. */
  isLater(first: u32, second: u32): bool {
    return this.turns[first / 4] > this.turns[second / 4];
  }
}
