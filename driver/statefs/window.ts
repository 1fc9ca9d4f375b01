/** A part of the volume in memory, for whoever walks through a log. */
import { reserve } from "../util/arena";
import { Operation } from "./operation";
import { Volume } from "./volume";

/** Holds at least two units of any size. */
const WINDOW_BYTES: u32 = 128 << 10;

export class Window {
  private volume!: Volume;
  private ptr: usize;
  firstPlace: u32;
  private unitCount: u32;

  init(volume: Volume): void {
    this.volume = volume;
    this.ptr = reserve(WINDOW_BYTES, 16);
  }

  /** Forgets what it holds: the disk may have changed. */
  clear(): void {
    this.unitCount = 0;
  }

  /** Starts to read from unit `place` on, not up to unit `endPlace`, which is behind it. */
  load(place: u32, endPlace: u32): Operation {
    const volume = this.volume;
    this.firstPlace = place;
    this.unitCount = min(endPlace - place, WINDOW_BYTES / volume.unitBytes);
    return volume.read(place, 0, this.ptr, this.unitCount * volume.unitBytes);
  }

  /** A read has failed: it holds nothing. Whether it was of more than one unit. */
  shrink(): bool {
    const isMany = this.unitCount > 1;
    this.unitCount = 0;
    return isMany;
  }

  /** Units that it holds from `place` on. */
  unitsFrom(place: u32): u32 {
    const skip = place - this.firstPlace;
    return place >= this.firstPlace && skip < this.unitCount ? this.unitCount - skip : 0;
  }

  /** Unit `place` in memory; the window holds it. */
  at(place: u32): usize {
    return this.ptr + <usize>(place - this.firstPlace) * this.volume.unitBytes;
  }
}
