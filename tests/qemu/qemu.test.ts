/**
 * The harness itself: it reads a session, ends what it started, and fails loudly when what it waits
 * for does not come.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestScope, makeFolder, makeImage, readSector, readText } from "./images.js";
import { Monitor, monitorArgs } from "./monitor.js";
import { PROMPT, QUESTION, QemuMachine, type QemuOptions } from "./qemu.js";

test("harness: a command's output comes without echo and prompt", async (t) => {
  const disk = makeImage(makeFolder(t), "a.img", 1 << 20);
  const machine = new QemuMachine(t, { disks: [disk] });
  await machine.boot();
  assert.match(await machine.command("dd write 3 harness"), /^[^\n]*sector 3[^\n]*\n$/);
  assert.equal(await machine.command(""), "");
  machine.send("poweroff 5\r");
  assert.equal(await machine.exit(), 5);
  assert.equal(readText(disk, 3), "harness");
  assert.equal(readSector(disk, 4)[0], 0);
});

test("harness: text that does not come in time is an error that shows the console", async (t) => {
  const machine = new QemuMachine(t, {});
  await machine.boot();
  machine.send("blkdevs\r");
  await assert.rejects(
    machine.waitFor("no such text", { timeoutMs: 300 }),
    /within 300 ms[^]*blkdevs/,
  );
});

test("harness: forbidden text is an error when it comes first", async (t) => {
  const machine = new QemuMachine(t, {});
  await machine.boot();
  machine.send("nonsense\r");
  await assert.rejects(
    machine.waitFor("no such text", { forbidden: /unknown command/ }),
    /unknown/,
  );
});

test("harness: waiting on a machine that has ended is an error, not a time out", async (t) => {
  const machine = new QemuMachine(t, { cmd: "poweroff" });
  await assert.rejects(machine.waitFor("no such text"), /QEMU ended before/);
});

test("harness: an image that qemu.sh refuses is its status and its message", async (t) => {
  const machine = new QemuMachine(t, { disks: ["build/no_such.img"] });
  assert.equal(await machine.exit(), 2);
  assert.match(machine.errors, /build\/no_such\.img does not exist/);
});

/** Ends a test, as node:test does. */
type Finish = () => Promise<void>;

/** A machine of a test that is over when `finish` is called. */
function scopedMachine(t: TestScope, options: QemuOptions): { machine: QemuMachine; end: Finish } {
  let clean: () => void | Promise<void> = () => {};
  const machine = new QemuMachine({ after: (given) => (clean = given) }, options);
  t.after(() => machine.kill());
  return { machine, end: async () => clean() };
}

/** The debug kernel, in which a byte of a canary page changes before the first prompt. */
const DAMAGED: QemuOptions = { kernel: "build/debug/tsblk.elf", cmd: "probe=16" };
const DAMAGE = /memory of the kernel has been written to/;

test("harness: a panic after the last wait fails the test at its end", async (t) => {
  const { machine, end } = scopedMachine(t, DAMAGED);
  await machine.waitFor(PROMPT);
  await assert.rejects(machine.exit(), DAMAGE);
  await assert.rejects(end(), DAMAGE);
});

test("harness: a changed canary page fails a test that wants another panic", async (t) => {
  const { machine, end } = scopedMachine(t, { ...DAMAGED, mayPanic: true });
  await assert.rejects(machine.exit(), DAMAGE);
  await assert.rejects(end(), DAMAGE);
});

test("harness: a panic that the test wants does not fail it", async (t) => {
  const { machine, end } = scopedMachine(t, { ...DAMAGED, mayDamage: true });
  assert.equal(await machine.exit(), 70);
  await end();
});

test("harness: the machine runs on when its input is closed", async (t) => {
  const machine = new QemuMachine(t, { cmd: "help" });
  machine.closeInput();
  await machine.boot();
  await assert.rejects(machine.exit(200), /still runs/);
});

test("harness: a question ends a command's output, its answer is a line of its own", async (t) => {
  const disk = makeImage(makeFolder(t), "a.img", 1 << 20);
  const machine = new QemuMachine(t, { disks: [disk] });
  await machine.boot();
  assert.ok((await machine.command("help; zero 8 8")).endsWith(`on vda. ${QUESTION}`));
  assert.equal(await machine.command("no"), "zero: not done\n");
  assert.equal(await machine.confirm("zero 8 8"), "vda: 8 sectors from 8 on zeroed\n");
  await assert.rejects(machine.confirm("zero 8 0"), /was not asked back about/);
});

test("harness: what the monitor refuses is an error with its reason", async (t) => {
  const folder = makeFolder(t);
  const machine = new QemuMachine(t, { extraArgs: monitorArgs(folder) });
  await machine.boot();
  const monitor = await Monitor.open(t, folder);
  const { status } = (await monitor.execute("query-status")) as { status: string };
  assert.equal(status, "running");
  await assert.rejects(monitor.execute("block_resize", { device: "none", size: 512 }), /none/);
  await machine.kill();
  await assert.rejects(monitor.execute("query-status"), /query-status: /);
});
