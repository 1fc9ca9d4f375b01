/**
 * StateFS and power cuts: scenarios are recorded on the device model, then cut after each write and
 * every flush (statefs_cuts.ts).
 *
 * The same judge is shown runs on disks that ignore a FLUSH, so that it is known to see a failure.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import {
  BEFORE,
  CHANGES,
  DISKS,
  type Event,
  type Mark,
  PROMISING,
  type Recording,
  SEED,
  change,
  cutEverywhere,
  stateOf,
  without,
} from "./statefs_cuts.js";
import { type Contents, SECTOR_BYTES, Store } from "./statefs_store.js";

function record(store: Store, events: Event[]): void {
  const sectors = store.machine.disk().store;
  const write = sectors.write.bind(sectors);
  const flush = sectors.flush.bind(sectors);
  sectors.write = (lba, data) => {
    const count = data.length / SECTOR_BYTES;
    events.push(
      Array.from({ length: count }, (_, i) => ({
        lba: lba + i,
        data: data.slice(i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES),
      })),
    );
    write(lba, data);
  };
  sectors.flush = () => {
    events.push("flush");
    flush();
  };
}

/** Does a command, on the store and on the map. */
function apply(store: Store, model: Contents, command: string): void {
  if (command === "format") store.format();
  else store.good(`statefs ${command}`);
  change(model, command);
}

function play(
  disk: DiskOptions,
  before: readonly string[],
  scenario: readonly string[],
): Recording {
  const store = new Store(disk);
  const model: Contents = new Map();
  store.format();
  for (const command of ["mount", ...before, "sync"]) {
    apply(store, model, command);
  }
  const initial = store.image;
  const events: Event[] = [];
  const marks: Mark[] = [
    { command: "start", eventCount: 0, state: stateOf(model), isPromised: true },
  ];
  record(store, events);
  for (const command of scenario) {
    apply(store, model, command);
    const isPromised = PROMISING.has(command);
    marks.push({ command, eventCount: events.length, state: stateOf(model), isPromised });
  }
  return { initial, events, marks };
}

const COMPACTIONS = [
  "put new/1 d 300",
  "rm old/3",
  "compact",
  "put old/1 e 2500",
  "put new/2 f 300",
  "sync",
  "rm new/1",
  "put old/2 g 300",
  "compact",
  "put new/2 h 300",
  "compact",
  "put new/2 i 300",
];

/** A store so small that it is compacted by itself. */
const FULL = Array.from({ length: 14 }, (_, i) =>
  i % 4 === 3 ? "sync" : `put old/${i % 2} v${i} 1800`,
);

const FORMAT = ["put new/1 d 300", "format", "mount", "put old/1 e 300", "put old/3 f 10", "sync"];

/** Whatever a seed makes of it. */
function seeded(): string[] {
  const random = new Prng(SEED + 1);
  return Array.from({ length: 40 }, (_, i) => {
    const choice = random.below(12);
    if (choice < 7) return `put k${random.below(4)} v${i} ${random.below(4) * 420}`;
    if (choice < 9) return `put k${random.below(4)} v${i} 10`;
    return ["sync", "mount", "compact"][choice - 9] ?? "sync";
  });
}

const SCENARIOS: [string, readonly string[]][] = [
  ["changes", CHANGES],
  ["compactions", COMPACTIONS],
  ["a full store", FULL],
  ["a format", FORMAT],
  ["seeded changes", seeded()],
];

for (const disk of DISKS) {
  for (const [name, scenario] of SCENARIOS) {
    test(`statefs: ${name}, cut everywhere, ${disk.blkSize}-byte blocks`, (context) => {
      const { wrong, tried } = cutEverywhere(disk, play(disk, BEFORE, scenario));
      assert.deepEqual(wrong, []);
      context.diagnostic(`${tried} images`);
    });
  }
}

const IGNORANCE: [string, (flush: number) => boolean][] = [
  ["every FLUSH", () => true],
  ["the FLUSH before a superblock", (flush) => flush % 2 === 0],
  ["the FLUSH behind a superblock", (flush) => flush % 2 === 1],
];

for (const [what, isIgnored] of IGNORANCE) {
  test(`statefs: a disk that ignores ${what} is caught`, () => {
    const disk = DISKS[0]!;
    const recording = without(play(disk, BEFORE, CHANGES), isIgnored);
    assert.notDeepEqual(cutEverywhere(disk, recording).wrong, []);
  });
}
