/** The lines that the arrow keys bring back, and the one that was being typed before they did. */
import { placeArray, reserve } from "../util/arena";
import { out } from "./console";
import { LINE_BYTES_MAX } from "./line";

const HISTORY_COUNT: i32 = 16;
const NUMBER_WIDTH: i32 = 5;

/** The history that is shown. */
let shown!: LineHistory;

/** Prints the lines that the arrow keys bring back, the oldest first, with their numbers. */
export function printHistory(): void {
  shown.print();
}

export class LineHistory {
  /** The line that `recall` has found. */
  foundPtr: usize;
  foundBytes: usize;
  /** Line k is in slot k modulo HISTORY_COUNT; one slot more is for the line being typed. */
  private linesPtr: usize;
  private lengths!: StaticArray<usize>;
  /** Lines entered so far. */
  private end: i32;
  /** The line shown now; `end` is the one being typed. */
  private at: i32;

  init(): void {
    shown = this;
    this.linesPtr = reserve(LINE_BYTES_MAX * (HISTORY_COUNT + 1), 16);
    this.lengths = placeArray<usize>(HISTORY_COUNT + 1);
  }

  /** A new line is being typed. */
  begin(): void {
    this.at = this.end;
  }

  private slotOf(line: i32): i32 {
    return line == this.end ? HISTORY_COUNT : line % HISTORY_COUNT;
  }

  private put(slot: i32, ptr: usize, lengthBytes: usize): void {
    memory.copy(this.linesPtr + <usize>slot * LINE_BYTES_MAX, ptr, lengthBytes);
    this.lengths[slot] = lengthBytes;
  }

  private get(slot: i32): void {
    this.foundPtr = this.linesPtr + <usize>slot * LINE_BYTES_MAX;
    this.foundBytes = this.lengths[slot];
  }

  /** Adds a line, unless it is the same as the last one. */
  add(ptr: usize, lengthBytes: usize): void {
    if (this.end > 0) {
      this.get(this.slotOf(this.end - 1));
      const isSame = this.foundBytes == lengthBytes;
      if (isSame && memory.compare(this.foundPtr, ptr, lengthBytes) == 0) return;
    }
    this.put(this.end % HISTORY_COUNT, ptr, lengthBytes);
    this.end += 1;
  }

  /**
   * Finds the line `step` further on, -1 for the one before; what is being typed is kept when it is
   * left, and found again behind the last one. False when there is none.
   */
  recall(step: i32, ptr: usize, lengthBytes: usize): bool {
    const line = this.at + step;
    if (line < 0 || line < this.end - HISTORY_COUNT || line > this.end) return false;
    if (this.at == this.end) this.put(HISTORY_COUNT, ptr, lengthBytes);
    this.at = line;
    this.get(this.slotOf(line));
    return true;
  }

  print(): void {
    for (let line = max(0, this.end - HISTORY_COUNT); line < this.end; ++line) {
      this.get(this.slotOf(line));
      out.right(line + 1, NUMBER_WIDTH).text("  ");
      out.bytes(this.foundPtr, this.foundBytes).line();
    }
  }
}
