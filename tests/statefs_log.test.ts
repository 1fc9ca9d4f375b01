/**
 * StateFS in QEMU, and power cuts: QEMU logs what the guest writes and flushes (blklogwrites). The
 * log is cut after every entry, flushes among them, with the subsets of what was not flushed that
 * statefs_cuts.ts tries; what the console had acknowledged by then must be there on the model.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { DiskOptions } from "./machine/options.js";
import { type TestScope, makeFolder, makeImage } from "./qemu/images.js";
import { type QemuMachine, type TransportVersion } from "./qemu/qemu.js";
import { SECTOR_BYTES, VERSIONS, bootWith } from "./qemu/session.js";
import { type LogEntry, loggedDisk, readWriteLog } from "./qemu/write_log.js";
import {
  BEFORE,
  CHANGES,
  DISKS,
  type Event,
  type Mark,
  PROMISING,
  type Recording,
  change,
  cutEverywhere,
  stateOf,
  without,
} from "./statefs_cuts.js";
import type { Contents } from "./statefs_store.js";

const SCENARIO = [...CHANGES, "compact", "put old/1 l 300", "sync", "put new/9 m 300"];

function eventOf(entry: LogEntry): Event {
  if (entry === "flush") return entry;
  const { sector, data } = entry;
  return Array.from({ length: data.length / SECTOR_BYTES }, (_, i) => ({
    lba: sector + i,
    data: data.subarray(i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES),
  }));
}

/** Does a command that must go well, in the guest and on the map. */
async function apply(machine: QemuMachine, model: Contents, command: string): Promise<void> {
  const line = `statefs ${command}`;
  const ask = command === "format" ? machine.confirm(line) : machine.command(line);
  assert.doesNotMatch(await ask, /^statefs: /m, command);
  change(model, command);
}

/** Plays the scenario in QEMU. What has come on the console by then was acknowledged. */
async function play(
  t: TestScope,
  transport: TransportVersion,
  { sectorCount = 0, blkSize = 0 }: DiskOptions,
): Promise<Recording> {
  const folder = makeFolder(t);
  const image = makeImage(folder, "a.img", sectorCount * SECTOR_BYTES);
  const log = makeImage(folder, "a.log", 0);
  const extraArgs = loggedDisk(image, log, blkSize);
  const machine = await bootWith(t, transport, [], { extraArgs });
  const model: Contents = new Map();
  for (const command of ["format", "mount", ...BEFORE, "sync"]) {
    await apply(machine, model, command);
  }
  const initial = readFileSync(image);
  const skipped = readWriteLog(log).length;
  const marks: Mark[] = [
    { command: "start", eventCount: 0, state: stateOf(model), isPromised: true },
  ];
  for (const command of SCENARIO) {
    await apply(machine, model, command);
    const eventCount = readWriteLog(log).length - skipped;
    const isPromised = PROMISING.has(command);
    marks.push({ command, eventCount, state: stateOf(model), isPromised });
  }
  await machine.kill();
  return { initial, events: readWriteLog(log).slice(skipped).map(eventOf), marks };
}

for (const transport of VERSIONS) {
  for (const disk of DISKS) {
    const name = `${transport}, ${disk.blkSize}-byte blocks`;
    test(`statefs: QEMU's own log, cut everywhere, ${name}`, async (t) => {
      const recording = await play(t, transport, disk);
      const { wrong, tried } = cutEverywhere(disk, recording);
      assert.deepEqual(wrong, []);
      const flushes = recording.events.filter((event) => event === "flush").length;
      t.diagnostic(`${recording.events.length} entries, ${flushes} flushes, ${tried} images`);
      assert.ok(flushes >= 2 * SCENARIO.filter((command) => PROMISING.has(command)).length);
      const unflushed = without(recording, () => true);
      assert.notDeepEqual(cutEverywhere(disk, unflushed).wrong, [], "no flush, and none is missed");
    });
  }
}
