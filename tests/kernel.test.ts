/** The kernel as a whole in QEMU: its size, its sleep at the prompt, its end and its restart. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { makeFolder, makeImage, readText } from "./qemu/images.js";
import { PROMPT, QemuMachine } from "./qemu/qemu.js";

const SIZE_LIMIT_BYTES = 200 * 1024;
const OBSERVED_MS = 2000;
const IDLE_SHARE = 0.03;
const WAITING_SHARE = 0.5;
const ECHO_LIMIT_MS = 20;
const CLOCK_TICKS_PER_S = 100;

/** CPU time in milliseconds that a process and its threads have used. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS_PER_S;
}

/** What QEMU loads of a 64-bit ELF file: the file sizes of its PT_LOAD segments. */
function loadedBytes(elf: Buffer): number {
  const tableOffset = Number(elf.readBigUInt64LE(32));
  const [entryBytes, count] = [elf.readUInt16LE(54), elf.readUInt16LE(56)];
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const at = tableOffset + i * entryBytes;
    if (elf.readUInt32LE(at) === 1) bytes += Number(elf.readBigUInt64LE(at + 32));
  }
  return bytes;
}

test("kernel: text and data, the module included, are under 200 KiB", () => {
  const folders = ["build", ...["build/linux-gnu"].filter((folder) => existsSync(folder))];
  for (const folder of folders) {
    const bytes = loadedBytes(readFileSync(`${folder}/tsblk.elf`));
    assert.ok(bytes > 0 && bytes < SIZE_LIMIT_BYTES, `${folder}: ${bytes} bytes`);
  }
});

test("kernel: at the prompt QEMU uses under 3 % of a core", async (t) => {
  if (!existsSync("/proc/self/stat")) return t.skip("needs /proc");
  const machine = new QemuMachine(t);
  await machine.boot();
  const before = cpuMs(machine.pid);
  await delay(OBSERVED_MS);
  const used = cpuMs(machine.pid) - before;
  assert.ok(used < OBSERVED_MS * IDLE_SHARE, `${used} ms of ${OBSERVED_MS} ms`);
});

test("kernel: while a command sleeps QEMU does as well, and it wakes in time", async (t) => {
  if (!existsSync("/proc/self/stat")) return t.skip("needs /proc");
  const machine = new QemuMachine(t);
  await machine.boot();
  const before = cpuMs(machine.pid);
  const [, seconds] = /^time: ([0-9.]+) s$/m.exec(await machine.command("time sleep 2"))!;
  const used = cpuMs(machine.pid) - before;
  assert.ok(Number(seconds) >= 2 && Number(seconds) < 2.1, `${seconds} s`);
  assert.ok(used < 500, `${used} ms of 2000 ms`);
});

for (const transport of ["modern", "legacy"] as const) {
  for (const events of ["on", "off"]) {
    const name = `kernel, ${transport}, event_idx=${events}`;
    test(`${name}: QEMU sleeps while many requests wait for a slow disk`, async (t) => {
      if (!existsSync("/proc/self/stat")) return t.skip("needs /proc");
      const disk = makeImage(makeFolder(t), "a.img", 1 << 20);
      const machine = new QemuMachine(t, {
        transport,
        extraArgs: [
          ...["-drive", `if=none,id=a,format=raw,file=${disk},throttling.iops-total=400`],
          ...["-device", `virtio-blk-device,drive=a,event_idx=${events}`],
        ],
      });
      await machine.boot();
      const before = cpuMs(machine.pid);
      const report = await machine.command("blkperf --raw --random --depth 32 --count 200");
      const used = cpuMs(machine.pid) - before;
      const ms = Number(/ ns=(\d+)/.exec(report)?.[1]) / 1e6;
      assert.ok(ms > 300, report);
      assert.ok(used < ms * WAITING_SHARE, `${used} ms of ${ms} ms`);
    });
  }
}

test("kernel: what was typed before the machine was up is not lost", async (t) => {
  const machine = new QemuMachine(t);
  machine.send("echo early\r");
  await machine.waitFor(/^early$/m, { timeoutMs: 5000 });
});

test("kernel: a key is echoed within 20 ms", async (t) => {
  const machine = new QemuMachine(t);
  await machine.boot();
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    await delay(30); // the machine sleeps again
    const sent = performance.now();
    machine.send("x");
    await machine.waitFor("x");
    times.push(performance.now() - sent);
  }
  const median = times.sort((a, b) => a - b)[4]!;
  assert.ok(median < ECHO_LIMIT_MS, `${times.map((ms) => ms.toFixed(1)).join(" ")} ms`);
});

for (const transport of ["modern", "legacy"] as const) {
  test(`kernel, ${transport}: reboot comes back to the prompt with what was written`, async (t) => {
    const disk = makeImage(makeFolder(t), "a.img", 1 << 20);
    const machine = new QemuMachine(t, { transport, disks: [disk] });
    await machine.boot();
    await machine.command("dd write 5 kept");
    machine.send("reboot\r");
    await machine.waitFor("TSBLK: ready");
    await machine.waitFor(PROMPT);
    assert.match(await machine.command("dd read 5"), /6b 65 70 74/);
    assert.equal(readText(disk, 5), "kept");
  });

  test(`kernel, ${transport}: an I/O error is reported, and the disk still works`, async (t) => {
    const folder = makeFolder(t);
    const disk = makeImage(folder, "a.img", 1 << 20);
    const machine = new QemuMachine(t, {
      transport,
      extraArgs: [
        ...["-blockdev", `driver=file,node-name=file0,filename=${disk}`],
        ...["-blockdev", JSON.stringify(FAULTY_DISK)],
        ...["-device", "virtio-blk-device,drive=faulty"],
      ],
    });
    await machine.boot();
    const failed = await machine.command("dd read 100");
    assert.equal(failed, "dd: read at sector 100 on vda: device reported an I/O error\n");
    assert.match(await machine.command("dd write 101 x; dd read 101"), /sector 101: 78 00/);
  });
}

/** A disk below QEMU that fails every read of sector 100. */
const FAULTY_DISK = {
  driver: "blkdebug",
  "node-name": "faulty",
  image: "file0",
  "inject-error": [{ event: "none", iotype: "read", errno: 5, sector: 100 }],
};
