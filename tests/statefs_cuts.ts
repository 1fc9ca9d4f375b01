/**
 * Power cuts of a recorded StateFS run: the run is cut after every event, with every part of what
 * was not flushed that may survive: all, nothing, each one lost, seeded subsets, torn sectors.
 * What a mount on the device model then finds must be a state from the last promise on, and nothing
 * may be damaged.
 */
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import { type Contents, SECTOR_BYTES, Store, describe, sorted } from "./statefs_store.js";

export const SEED = Number(process.env["SEED"] ?? 20_260_402);
const SUBSETS = 64;
const TORN = 4;
/** Up to so many sectors, every subset is tried. */
const EXHAUSTIVE = 6;

/** A write of one sector, or a flush. */
export interface SectorWrite {
  readonly lba: number;
  readonly data: Uint8Array;
}
export type Event = readonly SectorWrite[] | "flush";

/** After a command: how many events there were, what was in the store, whether that is promised. */
export interface Mark {
  readonly command: string;
  readonly eventCount: number;
  readonly state: string;
  readonly isPromised: boolean;
}

export interface Recording {
  readonly initial: Uint8Array;
  readonly events: Event[];
  readonly marks: Mark[];
}

export function stateOf(contents: Contents): string {
  return JSON.stringify(sorted(contents));
}

/** What a command of a scenario makes of the map that the store must be like. */
export function change(model: Contents, command: string): void {
  const [verb = "", key = "", text = "", size = ""] = command.split(" ");
  if (verb === "format") model.clear();
  if (verb === "put") model.set(key, describe(text, Number(size)));
  if (verb === "rm") model.delete(key);
}

/** Commands after which all that was done before is stable. */
export const PROMISING = new Set(["sync", "compact", "format"]);

/** What the store may hold when the power goes after `cut` events. */
function allowedAt(marks: readonly Mark[], cut: number): Set<string> {
  const ended = marks.filter((mark) => mark.eventCount <= cut).length;
  let first = ended - 1;
  while (!marks[first]!.isPromised) first--;
  return new Set(marks.slice(first, ended + 1).map((mark) => mark.state));
}

/** Which of `count` writes survive, in every way that is tried. */
function* survivors(count: number, random: Prng): Generator<readonly boolean[]> {
  const each = Array.from({ length: count }, (_, i) => i);
  if (count <= EXHAUSTIVE) {
    for (let mask = 0; mask < 1 << count; mask++) yield each.map((i) => ((mask >> i) & 1) === 1);
    return;
  }
  yield each.map(() => true);
  yield each.map(() => false);
  for (const lost of each) yield each.map((i) => i !== lost);
  for (let i = 0; i < SUBSETS; i++) yield each.map(() => random.below(2) === 1);
}

/** The same write, of which only a part has reached the sector. */
function torn({ lba, data }: SectorWrite, old: Uint8Array, random: Prng): SectorWrite {
  const cut = 1 + random.below(SECTOR_BYTES - 1);
  const mixed = old.slice();
  mixed.set(data.subarray(0, cut));
  return { lba, data: mixed };
}

/** A disk that is set to what a cut may have left, again and again. */
class CutDisk {
  readonly store: Store;
  private readonly base: Uint8Array;
  private readonly unflushed: SectorWrite[] = [];
  private isTorn = false;
  tried = 0;

  constructor(
    disk: DiskOptions,
    { initial }: Recording,
    private readonly random: Prng,
  ) {
    this.store = new Store(disk);
    this.store.image = initial;
    this.base = initial.slice();
  }

  get waitingCount(): number {
    return this.unflushed.length;
  }

  /** One event of the recording has happened. */
  happen(event: Event): void {
    if (event !== "flush") {
      this.unflushed.push(...event);
      return;
    }
    for (const write of this.unflushed.splice(0)) this.settle(write);
  }

  private settle({ lba, data }: SectorWrite): void {
    this.base.set(data, lba * SECTOR_BYTES);
    this.store.machine.disk().store.place(lba, data);
  }

  private place(writes: readonly SectorWrite[]): void {
    for (const { lba, data } of writes) this.store.machine.disk().store.place(lba, data);
  }

  private restore(): void {
    this.place(this.unflushed.map(({ lba }) => ({ lba, data: this.baseAt(lba) })));
  }

  private baseAt(lba: number): Uint8Array {
    return this.base.subarray(lba * SECTOR_BYTES, (lba + 1) * SECTOR_BYTES);
  }

  /** Every image that a cut now may leave, one after another. */
  *images(): Generator<void> {
    this.isTorn = false;
    for (const survives of survivors(this.unflushed.length, this.random)) {
      yield* this.show(this.unflushed.filter((_, i) => survives[i]));
    }
    this.isTorn = true;
    for (let i = 0; i < TORN && this.unflushed.length > 0; i++) {
      const at = this.random.below(this.unflushed.length);
      const kept = this.unflushed.map((write, j) =>
        j === at ? torn(write, this.baseAt(write.lba), this.random) : write,
      );
      yield* this.show(kept.filter((_, j) => j === at || this.random.below(2) === 1));
    }
  }

  private *show(kept: readonly SectorWrite[]): Generator<void> {
    this.place(kept);
    this.tried += 1;
    yield;
    this.restore();
  }

  /** What is wrong with what a mount finds, or undefined. */
  judge(allowed: Set<string>): string | undefined {
    const mounting = this.store.run("statefs mount");
    if (!/mounted/.test(mounting)) return mounting;
    // Only a sector that is itself torn may leave a superblock that is none
    const damage = this.isTorn ? /^damaged: (?!superblock)/m : /^damaged/m;
    if (damage.test(mounting)) return mounting;
    const checked = this.store.run("statefs check");
    if (damage.test(checked)) return checked;
    const found = stateOf(this.store.list());
    return allowed.has(found) ? undefined : `found ${found}`;
  }

  /** Goes on working behind the cut, and cuts again: nothing that was gone may come back. */
  judgeLater(size: number): string | undefined {
    const { store } = this;
    const image = store.image;
    const expected = store.list();
    store.put("later", "l", size, expected);
    store.good("statefs sync");
    store.machine.disk().store.crash();
    store.good("statefs mount");
    const found = stateOf(store.verified());
    store.image = image;
    return found === stateOf(expected) ? undefined : `later, found ${found}`;
  }
}

/** Cuts the recording everywhere. Returns what was wrong, at most `most` of it. */
export function cutEverywhere(
  disk: DiskOptions,
  recording: Recording,
  most = 1,
): { wrong: string[]; tried: number } {
  const random = new Prng(SEED);
  const cutDisk = new CutDisk(disk, recording, random);
  const wrong: string[] = [];
  for (let cut = 0; cut <= recording.events.length && wrong.length < most; cut++) {
    const before = recording.events[cut - 1];
    if (before) cutDisk.happen(before);
    const allowed = allowedAt(recording.marks, cut);
    for (const _ of cutDisk.images()) {
      let complaint = cutDisk.judge(allowed);
      if (!complaint && cutDisk.tried % 5 === 0) complaint = cutDisk.judgeLater(300);
      if (complaint) wrong.push(`SEED=${SEED}, event ${cut}: ${complaint}`);
      if (wrong.length >= most) break;
    }
  }
  return { wrong, tried: cutDisk.tried };
}

export const BEFORE = ["put old/1 a 300", "put old/2 b 2000", "put old/3 c 10"];

/** Changes, syncs and mounts in every order; records of one length follow each other. */
export const CHANGES = [
  "put new/1 d 300",
  "put old/1 e 300",
  "put new/2 f 300",
  "sync",
  "rm old/2",
  "put old/2 g 1200",
  "put old/2 h 1200",
  "sync",
  "put old/1 i 300",
  "mount",
  "put new/3 j 300",
  "rm new/1",
  "put new/1 k 5000",
  "sync",
];

/** The smallest disks that hold them. */
export const DISKS: DiskOptions[] = [
  { blkSize: 512, sectorCount: 256 + 2 * 34 },
  { blkSize: 4096, sectorCount: 256 + 2 * 34 * 8 },
];

/** The flushes of the recording without those that `isIgnored` picks, by their number. */
export function without(recording: Recording, isIgnored: (flush: number) => boolean): Recording {
  const { events, marks, initial } = recording;
  let flushes = 0;
  const kept = events.map((event) => event !== "flush" || !isIgnored(flushes++));
  const eventCount = (mark: Mark): number => kept.slice(0, mark.eventCount).filter(Boolean).length;
  return {
    initial,
    events: events.filter((_, i) => kept[i]),
    marks: marks.map((mark) => ({ ...mark, eventCount: eventCount(mark) })),
  };
}
