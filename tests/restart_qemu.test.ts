/**
 * A driver that fails in QEMU, and the kernel that makes it again: every kind of fault that `fault`
 * has, on both MMIO versions, at rest and with requests in flight; the deadline; the limit of
 * restarts; what it costs.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Machine } from "./machine/machine.js";
import { type TestScope, makeFolder, makeImage } from "./qemu/images.js";
import { PROMPT, QemuMachine, type QemuOptions } from "./qemu/qemu.js";
import { SECTOR_BYTES, VERSIONS, numbered } from "./qemu/session.js";

const SECTORS = 4096;
const LIMIT_STATUS = 70;
const RESTART_MS = 50;
/** Of a call into the module: more than a loaded machine takes for one that is well. */
const DEADLINE_MS = 700;

const FAULT_FILE = "driver/shell/commands/fault.ts";

/** Where in the sources `text` stands, the only time in its file, as the kernel says it. */
function placeOf(file: string, text: string): string {
  const parts = readFileSync(file, "utf8").split(text);
  assert.equal(parts.length, 2, `${file}: ${text}`);
  return `${file}:${parts[0]!.split("\n").length}`;
}

/** What is said of each kind, before the time it took; on a line of its own. */
const RESTARTED: Record<string, string> = {
  trap: `out of bounds memory access in ${placeOf(FAULT_FILE, "return load<i32>(")}`,
  recursion: `stack overflow in ${placeOf(FAULT_FILE, "recurse(depth + 1)")}`,
  loop: `no return within ${DEADLINE_MS} ms in ${placeOf(FAULT_FILE, "turns += 1")}`,
  imports: `no return within ${DEADLINE_MS} ms in ${placeOf(FAULT_FILE, "host.clockNs() > 0")}`,
  mmio: `mmioRead32: outside the window in ${placeOf(FAULT_FILE, "host.mmioRead32(")}`,
  panic: `fault panic in ${placeOf(FAULT_FILE, 'assert(false, "fault panic")')}`,
  ring: dispatching("head outside the queue", "index 256"),
  "dma-low": dispatching("buffer outside linear memory", "address 0xffffffffffff0000, 512 bytes"),
  "dma-high": dispatching("buffer outside linear memory", "address 0xffff00, 512 bytes"),
  "dma-wrap": dispatching("buffer outside linear memory", "address 0xffffffffffffff00, 512 bytes"),
  "dma-indirect": dispatching(
    "indirect table outside linear memory",
    "address 0x1000000, 32 bytes",
  ),
};

/** What the guard says: the rule, the descriptor, the address. */
function dispatching(rule: string, what: string): string {
  const place = placeOf("driver/virtio/queue.ts", "host.fence(); // idx before the device's wish");
  return `queue: ${rule} \\(window 0, [^)]*${what}\\) in ${place}`;
}

/** At most five restarts in ten seconds are allowed. */
const GROUPS = [
  ["trap", "recursion", "loop"],
  ["imports", "mmio", "panic"],
  ["ring", "dma-low", "dma-high"],
  ["dma-wrap", "dma-indirect", "dma-late", "used"],
];

/** What is said of a kind that ends no driver: one is stopped by the guard, one by a reset. */
function expectMended(kind: string, output: string, inFlight: number): void {
  const sent = inFlight + 1;
  const requests = sent === 1 ? "request" : "requests";
  const impossible = "vda: device put an impossible entry into the used ring";
  const texts: Record<string, string> = {
    "dma-late":
      "fault: the descriptor was changed when the device had it, and the device has not seen it",
    used: `${impossible}; reset, ${sent} ${requests} sent again`,
  };
  assert.equal(output, `${texts[kind]}\n`);
}

/** What has gone to the device, and what the driver has taken back of it. */
async function traffic(machine: QemuMachine): Promise<{ handedOver: number; done: number }> {
  const text = await machine.command("iostat");
  const [, sent, suppressed] = /(\d+) notifications sent, (\d+) suppressed/.exec(text) ?? [];
  const done = [...text.matchAll(/^ {2}\w+ +(\d+) requests/gm)];
  return {
    handedOver: Number(sent) + Number(suppressed),
    done: done.reduce((sum, [, count]) => sum + Number(count), 0),
  };
}

function restartLine(kind: string): RegExp {
  return new RegExp(`^TSBLK: driver restarted \\(${RESTARTED[kind]}, (\\d+\\.\\d) ms\\)$`, "m");
}

async function boot(t: TestScope, path: string, options: QemuOptions): Promise<QemuMachine> {
  const machine = new QemuMachine(t, { disks: [path], ...options });
  await machine.boot();
  return machine;
}

async function powerOff(machine: QemuMachine, status = 0): Promise<void> {
  machine.send("poweroff\r");
  assert.equal(await machine.exit(), status, machine.log);
}

/** Everything is what it was, but for the sectors from 100 on that were being written. */
function expectIntact(path: string, inFlight: number): void {
  const [found, expected] = [readFileSync(path), numbered(SECTORS)];
  for (let sector = 0; sector < SECTORS; sector++) {
    const [from, to] = [sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES];
    const content = found.subarray(from, to);
    const isWritten = content.every((byte) => byte === 0xfa);
    const mayBeWritten = sector >= 100 && sector < 100 + inFlight;
    if (mayBeWritten && isWritten) continue;
    assert.deepEqual(content, expected.subarray(from, to), `sector ${sector} on the host`);
  }
}

for (const transport of VERSIONS) {
  for (const inFlight of [0, 32]) {
    for (const kinds of GROUPS) {
      const what = `${kinds.join(", ")} with ${inFlight} requests in flight`;
      test(`restart, ${transport}: ${what}, then blktest`, async (t) => {
        const path = makeImage(makeFolder(t), "a.img", numbered(SECTORS));
        const machine = await boot(t, path, { transport, cmd: `deadline=${DEADLINE_MS}` });
        for (const kind of kinds) {
          const command = `fault ${kind} 100 ${inFlight}`;
          const before = await traffic(machine);
          const output = await machine.command(command);
          const { handedOver, done } = await traffic(machine);
          assert.ok(
            handedOver - before.handedOver >= inFlight,
            `${kind}: ${handedOver} handed over`,
          );
          if (RESTARTED[kind] === undefined) expectMended(kind, output, inFlight);
          else {
            assert.equal(done, before.done, `${kind}: some were not in flight any more`);
            assert.match(output, restartLine(kind));
            assert.match(output, new RegExp(`^${command}: interrupted after`, "m"));
          }
          assert.match(await machine.command("blktest"), /blktest: 13 passed, 0 failed/);
        }
        await powerOff(machine);
        expectIntact(path, inFlight);
      });
    }
  }
}

test("restart: every kind that fault has is among those that are tried", () => {
  const machine = new Machine({});
  machine.boot();
  const [, kinds = ""] = /^ {2}kinds: (.*)$/m.exec(machine.send("fault")) ?? [];
  assert.deepEqual(kinds.split(" ").sort(), GROUPS.flat().sort());
});

test("restart: the statistics go on, and StateFS is mounted again", async (t) => {
  const path = makeImage(makeFolder(t), "a.img", SECTORS * SECTOR_BYTES);
  const machine = await boot(t, path, {});
  await machine.confirm("statefs format");
  await machine.command("statefs mount; statefs put key value; statefs sync");
  const before = /write +\d+ requests +\d+ bytes/.exec(await machine.command("iostat"))?.[0];
  assert.ok(before);
  const output = await machine.command("fault trap; echo never");
  assert.match(output, /\nfault trap: interrupted after .*\nvda: mounted, 1 key, /);
  assert.doesNotMatch(output, /never|TSBLK: ready/);
  assert.match(await machine.command("iostat"), new RegExp(before));
  assert.equal(await machine.command("statefs get key"), "value\n");
  await powerOff(machine);
});

test("restart: the boot arguments go on behind the command that failed, status 1", async (t) => {
  const path = makeImage(makeFolder(t), "a.img", SECTORS * SECTOR_BYTES);
  const faults = "echo one; fault loop; echo two; fault panic; echo three; poweroff";
  const cmd = `deadline=${DEADLINE_MS} ${faults}`;
  const machine = new QemuMachine(t, { disks: [path], cmd });
  assert.equal(await machine.exit(), 1);
  const words = machine.log.split("\n").filter((line) => /^(one|two|three)$/.test(line));
  assert.deepEqual(words, ["one", "two", "three"]);
});

test("restart: a word that is no option of the kernel is left to the shell", async (t) => {
  for (const option of ["deadline=99", "deadline=", "deadline=1x", "deadlines=500", "probe=1"]) {
    const machine = new QemuMachine(t, { cmd: `${option} ; poweroff` });
    assert.equal(await machine.exit(), 1, option);
    assert.match(machine.log, new RegExp(`unknown command '${option}'`));
  }
});

test("restart: time in which nobody reads the console does not count", async (t) => {
  const machine = new QemuMachine(t, { cmd: "deadline=300" });
  await machine.boot();
  machine.send("repeat 20 help\r"); // more than the line takes in unread
  await machine.hold(1000);
  const output = await machine.waitFor(`\n${PROMPT}`);
  assert.doesNotMatch(output, /driver restarted/);
  assert.equal(output.match(/^ {2}poweroff /gm)?.length, 20);
});

test("restart: more than five failures in ten seconds are a panic with the causes", async (t) => {
  const cmd = "repeat 5 echo x; fault trap; fault mmio; fault panic; fault trap; fault trap";
  const machine = new QemuMachine(t, { cmd: `${cmd}; fault recursion; poweroff`, mayPanic: true });
  assert.equal(await machine.exit(), LIMIT_STATUS);
  assert.equal(machine.log.match(/^TSBLK: driver restarted /gm)?.length, 5);
  const causes = ["trap", "mmio", "panic", "trap", "trap", "recursion"];
  const lines = causes.map((kind) => `\n  ${RESTARTED[kind]}`).join("");
  assert.match(machine.log, new RegExp(`panic: the driver has failed 6 times in 10 s:${lines}\n`));
});

test("restart: a fault and the prompt are less than 50 ms apart", async (t) => {
  const path = makeImage(makeFolder(t), "a.img", numbered(SECTORS));
  const icount = await boot(t, path, { icount: "shift=0" }); // an instruction is a nanosecond
  const output = await icount.command("fault trap 100 32");
  const [, total] = /interrupted after (\d+) ms/.exec(output) ?? [];
  assert.ok(Number(total) < RESTART_MS, output);
  await powerOff(icount);
  const machine = await boot(t, path, {});
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const sent = performance.now();
    await machine.command("fault trap 100 32");
    times.push(performance.now() - sent);
  }
  assert.ok(Math.min(...times) < RESTART_MS, times.join(" "));
  await powerOff(machine);
});
