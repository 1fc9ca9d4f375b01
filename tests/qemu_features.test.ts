/**
 * The features of QEMU's disks, on both MMIO versions. What a command says is compared with the
 * image on the host: its bytes, its holes, and what qemu-img finds in it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allocatedBytes,
  flatten,
  makeFolder,
  makeImage,
  makeOverlay,
  qemuImg,
  readText,
} from "./qemu/images.js";
import { Monitor, monitorArgs } from "./qemu/monitor.js";
import {
  SECTOR_BYTES,
  VERSIONS,
  bootWith,
  clear,
  counts,
  expectImage,
  filled,
  info,
  place,
} from "./qemu/session.js";

const QUEUE_SIZES = [4, 8, 32, 256];

/** The kinds of ring that a device can leave to the driver. */
const RINGS = [
  { device: "queue-size=4", isIndirect: true },
  { device: "queue-size=1024,seg-max-adjust=off", isIndirect: true },
  { device: "event_idx=off", isIndirect: true },
  { device: "indirect_desc=off", isIndirect: false },
  { device: "indirect_desc=off,event_idx=off", isIndirect: false },
  { device: "packed=on", isIndirect: true },
];

const CACHES = [
  { device: "write-cache=on", canSwitch: true, isWriteback: true },
  { device: "write-cache=off", canSwitch: true, isWriteback: false },
  { device: "write-cache=on,config-wce=off", canSwitch: false, isWriteback: true },
  { device: "write-cache=off,config-wce=off", canSwitch: false, isWriteback: false },
];

const policy = (isWriteback: boolean) => (isWriteback ? "write-back cache" : "synchronous writes");
const diskName = (index: number) => `vd${"abcdefgh"[index]!}`;

for (const transport of VERSIONS) {
  test(`4096-byte blocks, ${transport}: a sector is changed within its block`, async (t) => {
    const content = filled(2048);
    const path = makeImage(makeFolder(t), "a.img", content);
    const device = "logical_block_size=4096,physical_block_size=4096";
    const machine = await bootWith(t, transport, [{ path, device }]);
    const shown = await info(machine);
    assert.equal(shown.get("block size"), "4096 bytes");
    assert.equal(shown.get("physical block"), "4096 bytes");
    for (const sector of [0, 9, 2047]) {
      await machine.command(`dd write ${sector} at-${sector}`);
      place(content, sector, `at-${sector}`);
    }
    assert.match(await machine.command("dd read 9"), /61 74 2d 39 00/);
    assert.match(await machine.command("dd read 10"), /aa aa aa aa/);
    assert.match(await machine.command("dd write 2048 x"), /past the end of the disk/);
    await machine.confirm("zero 16 8");
    clear(content, 16, 8);
    expectImage(path, content);
  });

  test(`4096-byte blocks, ${transport}: parts of blocks are refused, not sent`, async (t) => {
    const content = filled(64);
    const path = makeImage(makeFolder(t), "a.img", content);
    const device = "logical_block_size=4096,physical_block_size=4096";
    const machine = await bootWith(t, transport, [{ path, device, drive: "discard=unmap" }]);
    for (const range of ["9 8", "8 4", "12 8", "1 1", "4 4"]) {
      for (const name of ["discard", "zero"]) {
        assert.match(await machine.command(`${name} ${range}`), /not aligned to the block size/);
      }
    }
    assert.deepEqual(await counts(machine), {});
    expectImage(path, content);
  });

  test(`topology, ${transport}: blkinfo tells what the device says of itself`, async (t) => {
    const path = makeImage(makeFolder(t), "a.img", 1 << 20);
    const device = "physical_block_size=4096,min_io_size=8192,opt_io_size=65536";
    const shown = await info(await bootWith(t, transport, [{ path, device }]));
    const lines = ["block size", "physical block", "alignment offset", "minimal I/O"];
    assert.deepEqual(
      [...lines, "optimal I/O"].map((line) => shown.get(line)),
      ["512 bytes", "4096 bytes", "0 bytes", "8192 bytes", "65536 bytes"],
    );
  });

  test(`read-only=on, ${transport}: nothing that would change it is sent`, async (t) => {
    const content = filled(64);
    const path = makeImage(makeFolder(t), "a.img", content);
    const drive = "read-only=on,discard=unmap";
    const machine = await bootWith(t, transport, [{ path, drive }]);
    assert.match((await info(machine)).get("accepted")!, /\bRO\b/);
    for (const line of ["dd write 1 x", "discard 0 8", "zero 0 8"]) {
      assert.match(await machine.command(line), /vda: disk is read-only\n$/);
    }
    assert.match(await machine.command("flush"), /nothing to flush/);
    assert.match(await machine.command("dd read 1"), /aa aa/);
    assert.deepEqual(await counts(machine), { read: 1 });
    expectImage(path, content);
  });

  test(`discard=unmap, ${transport}: holes on the host, where they are wanted`, async (t) => {
    const content = filled(16384);
    const folder = makeFolder(t);
    const path = makeImage(folder, "a.img", content);
    const kept = makeImage(folder, "b.img", filled(64));
    const before = allocatedBytes(path);
    const device = "max-discard-sectors=1024";
    const disks = [{ path, device, drive: "discard=unmap" }, kept];
    const machine = await bootWith(t, transport, disks);
    assert.match(
      await machine.confirm("discard 2048 4096"),
      /^vda: 4096 sectors from 2048 on discarded\n$/,
    );
    assert.deepEqual(await counts(machine), { discard: 4 });
    clear(content, 2048, 4096);
    expectImage(path, content);
    assert.equal(before - allocatedBytes(path), 4096 * SECTOR_BYTES);
    assert.match(await machine.confirm("discard 0 64 vdb"), /discarded/); // it may do nothing
    expectImage(kept, filled(64));
  });

  test(`discard, ${transport}: cut where the granularity of the device wants it`, async (t) => {
    const content = filled(4096);
    const path = makeImage(makeFolder(t), "a.img", content);
    const device = "discard_granularity=65536,max-discard-sectors=1000";
    const machine = await bootWith(t, transport, [{ path, device, drive: "discard=unmap" }]);
    assert.equal((await info(machine)).get("discard"), "up to 1 x 1000 sectors, alignment 128");
    // 128 to 1024, 1920, 2816, 3072: whole units of 128, the ends stay
    assert.match(await machine.confirm("discard 100 3000"), /2944 sectors from 128 on discarded/);
    assert.deepEqual(await counts(machine), { discard: 4 });
    clear(content, 128, 2944);
    assert.match(await machine.command("discard 130 100"), /not aligned to the units/);
    expectImage(path, content);
  });

  test(`write zeroes, ${transport}: exactly the range, within the limit`, async (t) => {
    const content = filled(2048);
    const path = makeImage(makeFolder(t), "a.img", content);
    const device = "max-write-zeroes-sectors=100";
    const machine = await bootWith(t, transport, [{ path, device }]);
    const ranges = [
      { range: "10 250", requests: 3 },
      { range: "300 100", requests: 1 },
      { range: "500 101", requests: 2 },
      { range: "2047 1", requests: 1 },
    ];
    for (const { range, requests } of ranges) {
      await machine.command("iostat reset");
      assert.match(await machine.confirm(`zero ${range}`), /zeroed\n$/);
      assert.deepEqual(await counts(machine), { zero: requests });
      const [sector, count] = range.split(" ").map(Number);
      clear(content, sector!, count!);
      expectImage(path, content);
    }
  });

  test(`serial, ${transport}: short, full, cut by the device, none`, async (t) => {
    const path = makeImage(makeFolder(t), "a.img", 1 << 20);
    const full = "exactly-twenty-bytes";
    const device = (serial: string) => ({ path, drive: "read-only=on", device: serial });
    const serials = ["serial=s-1", `serial=${full}`, `serial=${full}-and-more`];
    const disks = [...serials.map(device), { path, drive: "read-only=on" }];
    const machine = await bootWith(t, transport, disks);
    assert.equal(
      await machine.command("serial; serial vdb; serial vdc; serial vdd"),
      `vda serial s-1\nvdb serial ${full}\nvdc serial ${full}\nvdd has no serial number\n`,
    );
  });

  test(`write cache, ${transport}: shown, switched, and refused without CONFIG_WCE`, async (t) => {
    const folder = makeFolder(t);
    const paths = CACHES.map((_, i) => makeImage(folder, `${i}.img`, 1 << 20));
    const disks = CACHES.map(({ device }, i) => ({ path: paths[i]!, device }));
    const machine = await bootWith(t, transport, disks);
    for (const [i, { canSwitch, isWriteback }] of CACHES.entries()) {
      const disk = diskName(i);
      assert.equal(await machine.command(`cache ${disk}`), `${disk}: ${policy(isWriteback)}\n`);
      const flushed = isWriteback ? "flushed" : "has no write cache, its writes are synchronous";
      assert.equal(await machine.command(`flush ${disk}`), `${disk} ${flushed}\n`);
      for (const wanted of ["writethrough", "writeback"]) {
        const answer = await machine.command(`cache ${disk} ${wanted}`);
        const switched = `${disk}: ${policy(wanted === "writeback")}\n`;
        const refused = `cache: ${disk}: disk does not offer this\n`;
        assert.equal(answer, canSwitch ? switched : refused);
      }
    }
  });

  test(`write cache, ${transport}: what is stable survives a power cut`, async (t) => {
    const folder = makeFolder(t);
    const base = makeImage(folder, "base.img", filled(2048));
    const names = ["lost", "flushed", "off", "writethrough"];
    const paths = names.map((name) => makeOverlay(folder, `${name}.qcow2`, base));
    const disks = paths.map((path, i) => ({
      path,
      drive: "format=qcow2",
      device: names[i] === "off" ? "write-cache=off" : "write-cache=on",
    }));
    const machine = await bootWith(t, transport, disks);
    await machine.command("cache vdd writethrough");
    for (const [i, name] of names.entries()) {
      assert.match(await machine.command(`dd write 9 ${name} ${diskName(i)}`), /wrote/);
    }
    assert.equal(await machine.command("flush vdb"), "vdb flushed\n");
    await machine.kill();
    const found = paths.map((path) => readText(flatten(path), 9));
    assert.deepEqual(found.slice(1), names.slice(1));
    assert.notEqual(found[0], "lost", "this host keeps even what was never flushed");
  });

  test(`write cache, ${transport}: what was chosen outlives a reset`, async (t) => {
    const folder = makeFolder(t);
    const base = makeImage(folder, "base.img", filled(64));
    const path = makeOverlay(folder, "a.qcow2", base);
    const machine = await bootWith(t, transport, [{ path, drive: "format=qcow2" }]);
    await machine.command("cache writethrough; reset");
    assert.equal(await machine.command("cache"), "vda: synchronous writes\n");
    await machine.command("dd write 9 stable");
    await machine.kill();
    assert.equal(readText(flatten(path), 9), "stable");
  });

  test(`qcow2, ${transport}: reads from below, writes on top, clean after poweroff`, async (t) => {
    const folder = makeFolder(t);
    const content = filled(2048);
    place(content, 5, "from the backing file");
    const base = makeImage(folder, "base.img", content);
    const untouched = makeImage(folder, "untouched.img", content);
    const path = makeOverlay(folder, "top.qcow2", base);
    const machine = await bootWith(t, transport, [{ path, drive: "format=qcow2" }]);
    assert.match(await machine.command("dd read 5"), /\|from the backing\|/);
    await machine.command("dd write 6 'in the overlay'; dd write 2047 last");
    await machine.confirm("zero 100 200");
    assert.match(await machine.command("dd read 6"), /\|in the overlay\.\.\|/);
    machine.send("poweroff\r");
    assert.equal(await machine.exit(), 0);
    qemuImg("check", "-q", path);
    place(content, 6, "in the overlay");
    place(content, 2047, "last");
    clear(content, 100, 200);
    expectImage(flatten(path), content);
    qemuImg("compare", "-q", "-f", "raw", "-F", "raw", base, untouched);
  });

  test(`num-queues=4, ${transport}: one queue is set up and used`, async (t) => {
    const folder = makeFolder(t);
    const path = makeImage(folder, "a.img", 1 << 20);
    const disks = [{ path, device: "num-queues=4" }];
    const machine = await bootWith(t, transport, disks, { extraArgs: monitorArgs(folder) });
    assert.match((await info(machine)).get("declined")!, /\bMQ\b/);
    await machine.command("dd write 1 x; dd read 1; dd read 2");
    const monitor = await Monitor.open(t, folder);
    const [device] = (await monitor.execute("x-query-virtio")) as { path: string }[];
    const used = [];
    for (let queue = 0; queue < 4; queue++) {
      const args = { path: device!.path, queue };
      const status = await monitor.execute("x-query-virtio-queue-status", args);
      used.push(status as { "vring-desc": number; "used-idx": number });
    }
    assert.ok(used[0]!["vring-desc"] > 0);
    assert.equal(used[0]!["used-idx"], 3);
    assert.deepEqual(
      used.slice(1).map((queue) => queue["vring-desc"]),
      [0, 0, 0],
    );
    assert.equal(readText(path, 1), "x");
  });

  test(`rings, ${transport}: every kind, of every size, around its end`, async (t) => {
    const folder = makeFolder(t);
    const paths = RINGS.map((_, i) => makeImage(folder, `${i}.img`, 1 << 20));
    const disks = RINGS.map(({ device }, i) => ({ path: paths[i]!, device }));
    const machine = await bootWith(t, transport, disks);
    for (const [i, { device, isIndirect }] of RINGS.entries()) {
      const disk = diskName(i);
      const shown = await info(machine, disk);
      assert.equal(/INDIRECT/.test(shown.get("accepted")!), isIndirect, device);
      assert.equal(/EVENT_IDX/.test(shown.get("accepted")!), !/event_idx=off/.test(device), device);
      if (device === "packed=on" && transport === "modern") {
        assert.match(shown.get("declined")!, /\bRING_PACKED\b/);
      }
      for (const size of QUEUE_SIZES) {
        const depth = isIndirect ? size : size / 4;
        assert.equal(
          await machine.command(`queue ${size} ${disk}`),
          `${disk}: queue size ${size}, up to ${depth} requests in flight\n`,
        );
        const sectors = Array.from({ length: 6 }, (_, k) => size + k);
        const lines = sectors.map((k) => `dd write ${k} s${k} ${disk}; dd read ${k} ${disk}`);
        await machine.command(lines.join(";"));
        for (const k of sectors) assert.equal(readText(paths[i]!, k), `s${k}`, device);
      }
      assert.deepEqual(await counts(machine, disk), { read: 24, write: 24 });
    }
  });

  test(`eight disks, ${transport}: each with options of its own`, async (t) => {
    const folder = makeFolder(t);
    const base = makeImage(folder, "base.img", filled(2048));
    const raw = (name: string) => makeImage(folder, name, filled(2048));
    const disks = [
      { path: raw("a"), device: "serial=first" },
      { path: raw("b"), device: "logical_block_size=4096,physical_block_size=4096" },
      { path: makeOverlay(folder, "c", base), drive: "format=qcow2" },
      { path: raw("d"), device: "write-cache=off" },
      { path: raw("e"), device: "indirect_desc=off,event_idx=off,config-wce=off" },
      { path: raw("f"), device: "num-queues=2,packed=on" },
      { path: raw("g"), drive: "discard=unmap", device: "max-discard-sectors=8" },
      { path: raw("h"), drive: "read-only=on" },
    ];
    const machine = await bootWith(t, transport, disks);
    const lines = disks.map((_, i) => `dd write 11 disk-${i} ${diskName(i)}`);
    const answers = (await machine.command(lines.join("; "))).trimEnd().split("\n");
    assert.equal(answers.pop(), "dd: write at sector 11 on vdh: disk is read-only");
    for (const answer of answers) assert.match(answer, /^vd[a-g] sector 11: wrote 6 bytes/);
    await machine.confirm("discard 64 64 vdg");
    machine.send("poweroff\r");
    assert.equal(await machine.exit(), 0);
    for (const [i, disk] of disks.entries()) {
      const content = filled(2048);
      if (i < 7) place(content, 11, `disk-${i}`);
      if (i === 6) clear(content, 64, 64);
      expectImage(disk.drive === "format=qcow2" ? flatten(disk.path) : disk.path, content);
    }
  });
}
