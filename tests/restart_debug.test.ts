/**
 * What only a debug kernel can show: accesses of the kernel that must fault, damage to the canary
 * pages, a thousand restarts in a row, and a driver that is stopped in the middle of anything, at
 * random, while a StateFS is being written.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type TestScope, makeFolder, makeImage } from "./qemu/images.js";
import { makeKernel } from "./qemu/kernels.js";
import { PROMPT, QemuMachine, type QemuOptions } from "./qemu/qemu.js";
import { VERSIONS } from "./qemu/session.js";
import { moduleWith } from "./shim/fault_module.js";

const SEED = Number(process.env["SEED"] ?? 20_260_405);
const KERNEL = "build/debug/tsblk.elf";
const PANIC_STATUS = 70;
const RESTARTS = 1000;

/** The kernel's own words for an access that a PMP entry has refused. */
const STORE = "store access fault";
const LOAD = "load access fault";
const FETCH = "instruction access fault";

/** By the number of the probe. */
const PROBES: readonly [string, string][] = [
  ["text is not writable", STORE],
  ["constants are not writable", STORE],
  ["constants are not executable", FETCH],
  ["data are not executable", FETCH],
  ["the stack is not executable", FETCH],
  ["linear memory is not executable", FETCH],
  ["the first byte of page zero is not readable", LOAD],
  ["the last word of page zero is not writable", STORE],
  ["the guard below the stack is not readable", LOAD],
  ["the guard below the stack is not writable at its end", STORE],
  ["nothing of that can be taken back", STORE],
];

const CANARIES = ["below the heap", "above the heap", "below linear memory", "above linear memory"];
const FIRST_CANARY = 16;

interface End {
  status: number;
  log: string;
}

async function end(t: TestScope, cmd: string, mayDamage = false): Promise<End> {
  const machine = new QemuMachine(t, { cmd, kernel: KERNEL, mayPanic: true, mayDamage });
  return { status: await machine.exit(), log: machine.log };
}

describe("protection: the kernel cannot", () => {
  for (const [index, [what, cause]] of PROBES.entries()) {
    test(what, async (t) => {
      const { status, log } = await end(t, `probe=${index + 1} echo passed; poweroff`);
      assert.match(log, new RegExp(`^TSBLK: panic: ${cause} at pc 0x`, "m"));
      assert.equal(status, PANIC_STATUS);
      assert.doesNotMatch(log, /passed/);
    });
  }
});

describe("canary: a changed byte is found", () => {
  for (const [index, where] of CANARIES.entries()) {
    const probe = FIRST_CANARY + index;
    const panic = /^TSBLK: panic: memory of the kernel has been written to at 0x[0-9a-f]+$/m;
    test(`${where}, at the prompt`, async (t) => {
      const { status, log } = await end(t, `probe=${probe}`, true);
      assert.ok(log.includes(PROMPT));
      assert.match(log, panic);
      assert.equal(status, PANIC_STATUS);
    });

    test(`${where}, when the machine is powered off`, async (t) => {
      const { status, log } = await end(t, `probe=${probe} echo before; poweroff`, true);
      assert.match(log, /^before$/m);
      assert.ok(!log.includes(PROMPT));
      assert.match(log, panic);
      assert.equal(status, PANIC_STATUS);
    });

    test(`${where}, when the driver is restarted`, async (t) => {
      const { status, log } = await end(t, `probe=${probe} fault trap; echo after; poweroff`, true);
      assert.match(log, panic);
      assert.doesNotMatch(log, /driver restarted|^after$/m);
      assert.equal(status, PANIC_STATUS);
    });
  }
});

/**
 * Counts its instances in the handover and says so with its exit status when it is the last one;
 * every one of them fails in its first slice.
 */
const COUNTING = {
  start: `(func (export "start") (result i32)
    (drop (call $read (i32.const 8) (i32.const 4)))
    (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
    (call $keep (i32.const 8) (i32.const 4))
    (i32.const 0))`,
  step: `(func (export "step") (result i32)
    (if (i32.gt_u (i32.load (i32.const 8)) (i32.const ${RESTARTS}))
      (then (call $off (i32.const 7))))
    (unreachable))`,
};

const COUNTING_IMPORTS = `
  (import "host" "handoverRead" (func $read (param i32 i32) (result i32)))
  (import "host" "handoverKeep" (func $keep (param i32 i32)))
  (import "host" "powerOff" (func $off (param i32)))`;

test("restart: memory in use is after a thousand restarts what it was after one", async (t) => {
  const folder = makeFolder(t);
  const module = await moduleWith(COUNTING, COUNTING_IMPORTS);
  const kernel = makeKernel(folder, module, "build/debug");
  const machine = new QemuMachine(t, { kernel, cmd: "restarts=1000000" });
  assert.equal(await machine.exit(60_000), 7);
  const used = [...machine.log.matchAll(/with (\d+) bytes of heap/g)].map(([, bytes]) => bytes);
  assert.equal(used.length, RESTARTS);
  assert.equal(new Set(used).size, 1, [...new Set(used)].join(" "));
});

/**
 * The first instance takes hold of the disk in window 0 and fails; the next one ends the machine
 * with the Status that it finds there, plus one.
 */
const HOLDING = {
  start: `(func (export "start") (result i32)
    (if (call $read (i32.const 8) (i32.const 4))
      (then (call $off (i32.add (call $readStatus (i32.const 0) (i32.const 0x70)) (i32.const 1)))))
    (call $keep (i32.const 8) (i32.const 4))
    (call $writeStatus (i32.const 0) (i32.const 0x70) (i32.const 3))
    (if (i32.ne (call $readStatus (i32.const 0) (i32.const 0x70)) (i32.const 3))
      (then (call $off (i32.const 99))))
    (unreachable))`,
};

const HOLDING_IMPORTS = `${COUNTING_IMPORTS}
  (import "host" "mmioRead32" (func $readStatus (param i32 i32) (result i32)))
  (import "host" "mmioWrite32" (func $writeStatus (param i32 i32 i32)))`;

test("restart: a disk that the last instance held has been reset", async (t) => {
  const folder = makeFolder(t);
  const module = await moduleWith(HOLDING, HOLDING_IMPORTS);
  const kernel = makeKernel(folder, module, "build/debug");
  const disks = [makeImage(folder, "a.img", 1 << 20)];
  const machine = new QemuMachine(t, { kernel, disks });
  assert.equal(await machine.exit(), 1, machine.log);
});

/** How often the driver is stopped at least, over both transports: a volume each, or more. */
const STOPS = Number(process.env["COUNT"] ?? 40);

const VALUES = 30;
const ROUNDS = 3;

/** A key for each value, a sync after each, and a mount now and then: one may be interrupted. */
function loadArguments(round: number): string {
  const put = (i: number) => `statefs put k${round}.${i} v${round}.${i}. 1500; statefs sync`;
  const one = (i: number) => (i % 8 === 0 ? `statefs mount; ${put(i)}` : put(i));
  return `${Array.from({ length: VALUES }, (_, i) => one(i)).join("; ")}; echo the end`;
}

/** The keys that were put and synced by the same driver. */
function promisedKeys(log: string): string[] {
  const promised: string[] = [];
  let put: string | undefined;
  for (const line of log.split("\n")) {
    const [, key] = /^(k[\d.]+): 1500 bytes, stable after sync$/.exec(line) ?? [];
    if (key !== undefined) put = key;
    if (/driver restarted/.test(line)) put = undefined;
    if (/synced up to/.test(line) && put !== undefined) promised.push(put);
  }
  return promised;
}

/** What has happened to one volume. */
interface Storm {
  restarts: number;
  promised: string[];
}

/** Formats a volume and writes to it in `ROUNDS` runs, in which the driver is stopped at random. */
async function storm(t: TestScope, options: QemuOptions, seed: number): Promise<Storm> {
  const format = new QemuMachine(t, { ...options, cmd: "statefs format; poweroff" });
  assert.equal(await format.exit(), 0);
  const promised: string[] = [];
  let restarts = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const cmd = `restarts=100000 chaos=12 seed=${seed + round} ${loadArguments(round)}`;
    // Time that counts instructions: a slow host stops no more calls than a fast one
    const icount = "shift=0";
    const machine = new QemuMachine(t, { ...options, kernel: KERNEL, cmd, icount });
    await machine.waitFor(/\n(echo )?the end/, { timeoutMs: 60_000 });
    await machine.kill();
    assert.doesNotMatch(machine.log, /damaged|corrupt/);
    restarts += machine.log.match(/driver restarted/g)?.length ?? 0;
    promised.push(...promisedKeys(machine.log));
  }
  assert.ok(restarts >= 20 && promised.length >= 20, `${restarts}, ${promised.length}`);
  return { restarts, promised };
}

/** Everything that was promised is there, and nothing is damaged. */
async function judge(t: TestScope, options: QemuOptions, promised: string[]): Promise<void> {
  const machine = new QemuMachine(t, options);
  await machine.boot();
  await machine.command("statefs mount");
  for (const key of promised) {
    const value = `v${key.slice(1)}.`;
    assert.ok((await machine.command(`statefs get ${key}`)).startsWith(value), key);
  }
  assert.match(await machine.command("statefs check"), / verified, 0 damaged/);
  machine.send("poweroff\r");
  assert.equal(await machine.exit(), 0);
}

for (const transport of VERSIONS) {
  test(`restart, ${transport}: stopped at random, StateFS keeps its promise`, async (t) => {
    const folder = makeFolder(t);
    let restarts = 0;
    let values = 0;
    for (let seed = SEED; restarts < STOPS / VERSIONS.length; seed += ROUNDS) {
      const options = { transport, disks: [makeImage(folder, "a.img", 4 << 20)] };
      try {
        const done = await storm(t, options, seed);
        await judge(t, options, done.promised);
        restarts += done.restarts;
        values += done.promised.length;
      } catch (error) {
        throw new Error(`SEED=${seed}, after ${restarts} restarts`, { cause: error });
      }
    }
    t.diagnostic(`SEED=${SEED}: ${restarts} restarts, ${values} values synced, all found`);
  });
}
