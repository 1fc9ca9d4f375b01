/**
 * Disks of QEMU that fail, stall or change their size, on both MMIO versions: what is said, what is
 * counted, that the prompt stays, and what the image on the host holds in the end.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestScope, makeFolder, makeImage, readText } from "./qemu/images.js";
import { Monitor, monitorArgs } from "./qemu/monitor.js";
import { PROMPT, QemuMachine, type TransportVersion } from "./qemu/qemu.js";
import {
  SECTOR_BYTES,
  VERSIONS,
  bootWith,
  clear,
  counts,
  expectImage,
  filled,
  numbered,
  place,
} from "./qemu/session.js";

const EIO = 5;
const ENOSPC = 28;

const IO_ERROR = "device reported an I/O error";
const NO_ANSWER = "no answer from the device in time";
const SENT_AGAIN = `vda: ${NO_ANSWER}; reset, 1 request sent again\n`;

/** A failure that blkdebug injects: of every request that matches, or of the first one. */
interface Rule {
  iotype: "read" | "write" | "write-zeroes" | "discard" | "flush";
  errno: number;
  sector?: number;
  once?: boolean;
}

/** A machine whose only disk fails by these rules; `device` are more options of it. */
async function bootFaulty(
  t: TestScope,
  transport: TransportVersion,
  path: string,
  rules: Rule[],
  { device = "", extraArgs = [] as string[] } = {},
): Promise<QemuMachine> {
  const faulty = {
    driver: "blkdebug",
    "node-name": "faulty",
    discard: "unmap",
    image: "file0",
    "inject-error": rules.map((rule) => ({ event: "none", ...rule })),
  };
  const nodes = ["-blockdev", `driver=file,discard=unmap,node-name=file0,filename=${path}`];
  nodes.push("-blockdev", JSON.stringify(faulty));
  nodes.push("-device", `virtio-blk-device,drive=faulty${device}`);
  return bootWith(t, transport, [], { extraArgs: [...nodes, ...extraArgs] });
}

/** Sets how many requests a second the first disk may do; 0 is as many as it can. */
async function throttle(monitor: Monitor, requestsPerSecond: number): Promise<void> {
  const none = { bps: 0, bps_rd: 0, bps_wr: 0, iops_rd: 0, iops_wr: 0 };
  const limits = { device: "disk0", ...none, iops: requestsPerSecond };
  await monitor.execute("block_set_io_throttle", limits);
}

async function resize(monitor: Monitor, sectors: number): Promise<void> {
  await monitor.execute("block_resize", { device: "disk0", size: sectors * SECTOR_BYTES });
}

for (const transport of VERSIONS) {
  test(`errors, ${transport}: read, write and flush are reported and counted`, async (t) => {
    const content = filled(1024);
    const path = makeImage(makeFolder(t), "a.img", content);
    const machine = await bootFaulty(t, transport, path, [
      { iotype: "read", errno: EIO, sector: 100, once: true },
      { iotype: "write", errno: EIO, sector: 200 },
      { iotype: "flush", errno: EIO, once: true },
    ]);
    const failed = (what: string) => `dd: ${what} on vda: ${IO_ERROR}\n`;
    assert.equal(await machine.command("dd read 100"), failed("read at sector 100"));
    assert.match(await machine.command("dd read 100"), /sector 100: aa aa/);
    assert.equal(await machine.command("dd write 200 x"), failed("write at sector 200"));
    assert.equal(await machine.command("dd write 200 x"), failed("write at sector 200"));
    assert.match(await machine.command("dd write 201 y"), /wrote/);
    assert.equal(await machine.command("flush"), `flush: flush of vda: ${IO_ERROR}\n`);
    assert.equal(await machine.command("flush"), "vda flushed\n");
    assert.deepEqual(await counts(machine), {
      ...{ read: 1, write: 1, flush: 1 },
      ...{ [`read: ${IO_ERROR}`]: 1, [`write: ${IO_ERROR}`]: 2, [`flush: ${IO_ERROR}`]: 1 },
    });
    place(content, 201, "y");
    expectImage(path, content);
  });

  test(`errors, ${transport}: a range ends where it fails, the next one is not hurt`, async (t) => {
    const content = filled(1024);
    const path = makeImage(makeFolder(t), "a.img", content);
    const machine = await bootFaulty(
      t,
      transport,
      path,
      [
        { iotype: "write-zeroes", errno: EIO, sector: 320 },
        { iotype: "discard", errno: EIO, sector: 640 },
      ],
      { device: ",max-write-zeroes-sectors=64,max-discard-sectors=64" },
    );
    for (const [name, sector] of [["zero", 256] as const, ["discard", 576] as const]) {
      const place = `${name}: 256 sectors from ${sector} on, vda: `;
      const outcome = await machine.confirm(`${name} ${sector} 256`);
      assert.ok(outcome.startsWith(place) && outcome.endsWith(`${IO_ERROR}\n`), outcome);
      clear(content, sector, 64);
      assert.match(await machine.confirm(`${name} ${sector + 128} 64`), /(zeroed|discarded)\n$/);
      clear(content, sector + 128, 64);
      expectImage(path, content);
    }
    assert.deepEqual(await counts(machine), {
      ...{ zero: 2, [`zero: ${IO_ERROR}`]: 1 },
      ...{ discard: 2, [`discard: ${IO_ERROR}`]: 1 },
    });
  });

  test(`errors, ${transport}: a flush that fails at poweroff is the exit status`, async (t) => {
    const path = makeImage(makeFolder(t), "a.img", 1 << 20);
    const machine = await bootFaulty(t, transport, path, [{ iotype: "flush", errno: EIO }]);
    await machine.command("dd write 1 x");
    machine.send("poweroff\r");
    assert.equal(await machine.exit(), 1);
    assert.match(machine.log, /poweroff: flush of vda: device reported an I\/O error\n/);
  });

  test(`errors, ${transport}: a full host stops the machine, not the request`, async (t) => {
    const folder = makeFolder(t);
    const path = makeImage(folder, "a.img", 1 << 20);
    const rules: Rule[] = [{ iotype: "write", errno: ENOSPC, sector: 7, once: true }];
    const extraArgs = monitorArgs(folder);
    const machine = await bootFaulty(t, transport, path, rules, { extraArgs });
    const monitor = await Monitor.open(t, folder);
    await machine.command("timeout 50");
    const answer = machine.command("dd write 7 later");
    const state = async () => (await monitor.execute("query-status")) as { status: string };
    for (let i = 0; i < 100 && (await state()).status !== "io-error"; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal((await state()).status, "io-error");
    await monitor.execute("cont");
    assert.match(await answer, /vda sector 7: wrote 5 bytes/);
    assert.deepEqual(await counts(machine), { write: 1 });
    assert.equal(readText(path, 7), "later");
  });

  test(`stalls, ${transport}: a request out of time is sent again and ends well`, async (t) => {
    const folder = makeFolder(t);
    const content = filled(1024);
    const path = makeImage(folder, "a.img", content);
    const machine = await bootWith(t, transport, [path], { extraArgs: monitorArgs(folder) });
    const monitor = await Monitor.open(t, folder);
    await machine.command("timeout 300");
    for (const line of ["dd write 5 again", "dd read 5"]) {
      await throttle(monitor, 1);
      await machine.command("dd read 1"); // the first one costs nothing
      machine.send(`${line}\r`);
      await machine.waitFor(SENT_AGAIN);
      await throttle(monitor, 0);
      const answer = await machine.waitFor(PROMPT);
      assert.match(answer, /^(vda: no answer.*\n)*vda sector 5: (wrote 5|61 67 61 69 6e 00)/);
    }
    assert.match(await machine.command("iostat"), /recoveries [1-9]\d*, replays [1-9]/);
    assert.match(await machine.command("dd read 6"), /sector 6: aa aa/);
    place(content, 5, "again");
    expectImage(path, content);
  });

  test(`stalls, ${transport}: all that is in flight is sent again, and lands`, async (t) => {
    const folder = makeFolder(t);
    const content = numbered(8192);
    const path = makeImage(folder, "a.img", content);
    const machine = await bootWith(t, transport, [path], { extraArgs: monitorArgs(folder) });
    const monitor = await Monitor.open(t, folder);
    await machine.command("timeout 300");
    await throttle(monitor, 20);
    machine.send("blkperf --write --random --bs 4096 --depth 64 --count 500\r");
    await machine.waitFor(`vda: ${NO_ANSWER}; reset, 64 requests sent again\n`);
    await throttle(monitor, 0);
    assert.doesNotMatch(await machine.waitFor(PROMPT), /blkperf: /);
    assert.match(await machine.command("iostat"), /at most 64 requests in flight[^]*replays 64\n/);
    const { read, write, ...failures } = await counts(machine);
    assert.deepEqual({ write, failures }, { write: 500, failures: {} });
    assert.ok(read, "blkperf has read what it writes back");
    expectImage(path, content);
  });

  test(`stalls, ${transport}: given up after three times, until 'reset'`, async (t) => {
    const folder = makeFolder(t);
    const paths = ["a.img", "b.img"].map((name) => makeImage(folder, name, filled(1024)));
    const disks = [{ path: paths[0]!, drive: "throttling.iops-total=1" }, paths[1]!];
    const machine = await bootWith(t, transport, disks, { extraArgs: monitorArgs(folder) });
    const monitor = await Monitor.open(t, folder);
    await machine.command("timeout 50");
    const outcome = await machine.command("dd write 5 first; dd write 5 second; dd read 5 vdb");
    const givenUp = `vda: ${NO_ANSWER}, again and again; given up until 'reset'\n`;
    assert.equal(outcome.split(SENT_AGAIN).length - 1, 3, outcome);
    assert.ok(outcome.includes(givenUp), outcome);
    assert.match(outcome, /dd: write at sector 5 on vda: no answer from the device in time\n/);
    assert.match(outcome, /\nvdb sector 5: aa/);
    const dead = "vda: device failed three times in a row and is not used any more\n";
    for (const name of ["dd read 1", "flush", "serial", "cache"]) {
      assert.equal(await machine.command(name), `${name.split(" ")[0]}: ${dead}`);
    }
    assert.match(await machine.command("blkdevs"), /vda: .*not usable: device failed three times/);
    await throttle(monitor, 0);
    assert.equal(await machine.command("reset"), "vda has been reset\n");
    assert.match(await machine.command("dd write 6 alive; dd read 6"), /\|alive/);
    assert.equal(readText(paths[0]!, 6), "alive");
    machine.send("poweroff\r");
    assert.equal(await machine.exit(), 0);
  });

  test(`resize, ${transport}: seen at the prompt, with the line that is being typed`, async (t) => {
    const folder = makeFolder(t);
    const path = makeImage(folder, "a.img", filled(2048));
    const machine = await bootWith(t, transport, [path], { extraArgs: monitorArgs(folder) });
    const monitor = await Monitor.open(t, folder);
    assert.match(await machine.command("dd write 2048 x"), /past the end/);
    machine.send("dd write 4095 gr");
    await machine.waitFor("dd write 4095 gr");
    await resize(monitor, 4096);
    const notice = "\nvda: capacity is now 4096 sectors (2 MiB)\n";
    assert.equal(await machine.waitFor("dd write 4095 gr"), `${notice}${PROMPT}dd write 4095 gr`);
    assert.match(await machine.command("own; dd read 4095"), /wrote 5 bytes[^]*\|grown/);
    assert.equal(readText(path, 4095), "grown");
    await resize(monitor, 1024);
    await machine.waitFor(`\nvda: capacity is now 1024 sectors (512 KiB)\n${PROMPT}`);
    assert.match(await machine.command("dd read 1024"), /past the end of the disk/);
    assert.match(await machine.command("zero 1023 2"), /past the end of the disk/);
    assert.match(await machine.command("dd write 1023 last; dd read 0"), /wrote 4[^]*: aa/);
    assert.match(await machine.command("blkdevs"), /1024 sectors \(512 KiB\)/);
    const content = filled(1024);
    place(content, 1023, "last");
    expectImage(path, content);
  });
}
