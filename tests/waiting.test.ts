/**
 * Waiting for disks, on the device model: the driver asks for an interrupt and sleeps while many
 * requests are in flight. The model refuses a sleep that no interrupt will end (SPLIT-20), and one
 * after an interrupt that was not acknowledged (MMIO-11), so each run of a command is a test of
 * both.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { anyRequest, reordering } from "./machine/faults.js";
import { Machine, type MachineOptions } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import { F } from "./machine/spec.js";

const SEED = Number(process.env["SEED"] ?? 20_261_121);
/** More than the driver looks at the ring before it sleeps, and less than a sleep. */
const LATENCY_NS = 1_300_000;
const CTRL_C = 3;

const KINDS = ([1, 2] as const).flatMap((version) =>
  [true, false].map((hasEventIdx) => ({
    version,
    hasEventIdx,
    name: `version ${version}, ${hasEventIdx ? "used_event" : "avail.flags"}`,
  })),
);

type Kind = (typeof KINDS)[number];

function machineWith(kind: Kind, options: MachineOptions = {}, disks = 1): Machine {
  const features = [F.FLUSH, F.INDIRECT_DESC, ...(kind.hasEventIdx ? [F.EVENT_IDX] : [])];
  const disk: DiskOptions = { version: kind.version, features, sectorCount: 65_536 };
  const slots = Array.from({ length: disks }, () => disk);
  const machine = new Machine({ slots, mode: "deferred", latencyNs: LATENCY_NS, ...options });
  machine.boot();
  return machine;
}

/** Lets the first disk count how often it interrupts. */
function countInterrupts(machine: Machine): () => number {
  const disk = machine.disk();
  const interrupt = disk.interrupt.bind(disk);
  let count = 0;
  disk.interrupt = (cause) => {
    count += 1;
    interrupt(cause);
  };
  return () => count;
}

/** From a restart on, time passes in every call of the driver, so that requests end in all. */
function passTime(machine: Machine, random: Prng): void {
  for (const [name, call] of Object.entries(machine.imports)) {
    machine.imports[name] = (...args: number[]) => {
      machine.clock.advance(random.below(LATENCY_NS / 10));
      return call(...args);
    };
  }
  machine.restart();
  machine.run();
}

for (const kind of KINDS) {
  describe(`waiting, ${kind.name}:`, () => {
    test("each sleep ends with the interrupt that was asked for", () => {
      const machine = machineWith(kind);
      machine.send("blkperf --bs 4k --depth 32 --count 3200");
      assert.ok(machine.sleepCount >= 50, `${machine.sleepCount} sleeps`);
      assert.equal(machine.lateCount, 0);
    });

    test("many small requests are waited for together, large ones one by one", () => {
      const count = (options: string): number => {
        const machine = machineWith(kind);
        let delayNs = 0; // requests end one after the other
        machine.disk().faults.onRequest(anyRequest, () => ({ delayNs: (delayNs += 5000) }));
        const interrupts = countInterrupts(machine);
        machine.send(`blkperf ${options}`);
        return interrupts();
      };
      const small = count("--bs 4k --depth 32 --count 32");
      const large = count("--bs 1M --depth 8 --count 8");
      assert.ok(kind.hasEventIdx ? small === 1 : small > 0, `${small} interrupts`);
      assert.ok(large > 1, `${large} interrupts`);
    });

    test("a single request is polled for, and interrupts nobody", () => {
      const machine = machineWith(kind);
      const interrupts = countInterrupts(machine);
      machine.send("blkperf --bs 4k --depth 1 --count 100");
      assert.equal(machine.sleepCount, 0);
      assert.equal(interrupts(), 0);
    });

    test("at the prompt no interrupt is left, and none comes", () => {
      const machine = machineWith(kind);
      machine.send("blkperf --bs 4k --depth 32 --count 320");
      assert.equal(machine.disk().interrupts, 0);
      const interrupts = countInterrupts(machine);
      machine.send("dd read 5");
      assert.equal(interrupts(), 0);
    });

    test("completions at any moment around the last look are not slept through", () => {
      const machine = machineWith(kind);
      const random = new Prng(SEED);
      passTime(machine, random);
      machine.disk().faults.onRequest(anyRequest, reordering(random, LATENCY_NS));
      machine.send("blkperf --bs 4k --depth 64 --count 20000");
      assert.equal(machine.lateCount, 0);
    });

    test("a copy from disk to disk waits for both", () => {
      const machine = machineWith(kind, {}, 2);
      const bytes = new Prng(SEED).bytes(1 << 20);
      machine.disk().store.write(0, bytes);
      machine.send("dd if=vda of=vdb bs=4k");
      assert.ok(machine.sleepCount > 100, `${machine.sleepCount} sleeps`);
      assert.equal(machine.lateCount, 0);
      assert.deepEqual(machine.disk(1).store.read(0, 2048), bytes);
    });

    test("a copy that has something to compute does not wait for the disk", () => {
      const machine = machineWith(kind, { lendsChecksum: false });
      const sentNs: number[] = [];
      machine.disk().faults.onRequest(anyRequest, () => {
        sentNs.push(machine.clock.nowNs);
        return { delayNs: sentNs.length === 1 ? 0 : 100_000_000 };
      });
      machine.send("crc 0 65536");
      const [first = 0, ninth = Infinity] = [sentNs[0], sentNs[8]]; // when the first has been used
      assert.ok(ninth - first < 5_000_000, `${ninth - first} ns for the first part`);
    });

    test("a device that never interrupts is looked at every millisecond", () => {
      const machine = machineWith(kind);
      machine.disk().interrupt = () => undefined;
      const output = machine.send("blkperf --bs 4k --depth 32 --count 320");
      assert.match(output, / {2}4 KiB +32 /);
      assert.equal(machine.lateCount, 10);
    });

    test("a device that interrupts all the time delays nothing", () => {
      const machine = machineWith(kind);
      const disk = machine.disk();
      Object.defineProperty(disk, "interrupts", { get: () => 1, set: () => undefined });
      disk.letSleep = () => true; // it cannot be acknowledged
      machine.send("blkperf --bs 4k --depth 32 --count 320");
      assert.equal(machine.lateCount, 0);
    });

    test("a request that is lost is still found overdue", () => {
      const machine = machineWith(kind);
      machine.send("timeout 100");
      machine.disk().faults.onRequest(anyRequest, { entryCount: 0 }, 1);
      const output = machine.send("blkperf --bs 4k --depth 32 --count 3200");
      assert.match(output, /timed out|no answer|overdue/i);
      assert.equal(machine.disk().resetCount, 2);
    });

    test("a resize that interrupts a wait is seen", () => {
      const machine = machineWith(kind);
      machine.clock.schedule(LATENCY_NS / 2, () => machine.disk().resize(131_072));
      const output = machine.send("blkperf --bs 4k --depth 32 --count 320");
      assert.match(output, /vda: .*131072 sectors/);
    });

    test("Ctrl-C ends a wait", () => {
      const machine = machineWith(kind);
      machine.type("blkperf --bs 4k --depth 32 --seconds 100");
      machine.receive(13);
      for (let i = 0; i < 50; i++) machine.step();
      machine.receive(CTRL_C);
      machine.run();
      assert.match(machine.console.text, /blkperf: interrupted after \d+ requests/);
    });
  });
}
