/**
 * Virtual time: nothing here looks at a real clock, so every run of a test is the same run.
 *
 * Reading the time moves it by one step. A driver that only reads the time waits; after a while the
 * step doubles, so that a wait of seconds costs thousands of reads and not millions. A step never
 * jumps over a scheduled event, so events happen at exactly the time they were scheduled for.
 */

const STEP_NS = 1_000;
const LONGEST_STEP_NS = 1_000_000;
const READS_BEFORE_HURRY = 256;

interface Scheduled {
  readonly atNs: number;
  readonly run: () => void;
}

export class VirtualClock {
  private timeNs = 0;
  private reads = 0;
  private stepNs = STEP_NS;
  private events: Scheduled[] = [];

  get nowNs(): number {
    return this.timeNs;
  }

  /**
   * Runs `run` when `delayNs` have passed; events of the same moment run in the order they were
   * scheduled.
   */
  schedule(delayNs: number, run: () => void): void {
    const event = { atNs: this.timeNs + delayNs, run };
    const later = this.events.findIndex((other) => other.atNs > event.atNs);
    if (later < 0) this.events.push(event);
    else this.events.splice(later, 0, event);
  }

  /** One read by the driver: time moves, what is due happens, then the time is returned. */
  read(): number {
    this.reads += 1;
    if (this.reads > READS_BEFORE_HURRY) this.stepNs = Math.min(this.stepNs * 2, LONGEST_STEP_NS);
    const nextNs = this.events[0]?.atNs ?? Infinity;
    this.advance(Math.max(1, Math.min(this.stepNs, nextNs - this.timeNs)));
    return this.timeNs;
  }

  /** Sleeps, from event to event, until `isOver`, at most `durationNs`. Returns whether it is. */
  sleep(durationNs: number, isOver: () => boolean): boolean {
    const untilNs = this.timeNs + durationNs;
    while (!isOver() && this.timeNs < untilNs) {
      const nextNs = Math.max(this.events[0]?.atNs ?? Infinity, this.timeNs);
      this.advance(Math.min(nextNs, untilNs) - this.timeNs);
    }
    return isOver();
  }

  /** The driver did something other than waiting: steps are short again. */
  touch(): void {
    this.reads = 0;
    this.stepNs = STEP_NS;
  }

  /** Moves time by `durationNs` and runs what falls due, each event at its own time. */
  advance(durationNs: number): void {
    const untilNs = this.timeNs + durationNs;
    for (let event = this.events[0]; event && event.atNs <= untilNs; event = this.events[0]) {
      this.events.shift();
      this.timeNs = Math.max(this.timeNs, event.atNs);
      event.run();
    }
    this.timeNs = Math.max(this.timeNs, untilNs);
  }
}
