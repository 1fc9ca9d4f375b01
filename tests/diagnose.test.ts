/**
 * `diagnose` names the cause of a stuck queue: on the device model where the device is to blame,
 * and in QEMU with drivers that are broken on purpose.
 *
 * Causes that no test provokes: that the guest does not see the device's stores (caches and memory
 * are coherent in QEMU and under Node alike); the backend that is stopped for good (QEMU stops the
 * guest with it); in QEMU, a device that breaks with a request half-way back (nothing that a guest
 * does has that timing; the model does it).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Edit, buildBroken } from "./broken_build.js";
import { anyRequest } from "./machine/faults.js";
import { Machine } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import type { QueuePlace } from "./machine/queue.js";
import { F, type Version } from "./machine/spec.js";
import { makeFolder, makeImage } from "./qemu/images.js";
import { QemuMachine, type TransportVersion } from "./qemu/qemu.js";

const VERSIONS: readonly Version[] = [1, 2];
const WAIT_NS = 10_000_000;

const MAGIC_VALUE = 0x000;
const VERSION = 0x004;
const DEVICE_ID = 0x008;
const QUEUE_PFN = 0x040;
const QUEUE_READY = 0x044;
const QUEUE_NOTIFY = 0x050;
const STATUS = 0x070;

/** The text of the first cause, over both of its lines. */
function firstCause(output: string): string {
  const match = /^ +1\. (.*(?:\n {5}.*)*)$/m.exec(output.replaceAll("\r", ""));
  assert.ok(match, `no cause in: ${output}`);
  return match[1]!.replace(/\n +/, " ");
}

/** What is printed by itself when a read times out. */
function stuck(machine: Machine): string {
  return machine.send("dd read 0");
}

/** The device looks for its queue in another place than it was told. */
function misplace(machine: Machine, move: (place: QueuePlace) => QueuePlace): void {
  const disk = machine.disk();
  const start = disk.start.bind(disk);
  disk.start = (place) => start(move(place));
}

/** A machine whose first disk has one request in flight, with no time gone by. */
function withRequest(disk: DiskOptions): { machine: Machine; place: QueuePlace } {
  const machine = new Machine({ slots: [disk] });
  let place: QueuePlace | undefined;
  misplace(machine, (given) => (place = given));
  machine.boot();
  machine.disk().faults.isSilent = true;
  const ptr = machine.exports.blkBuffer();
  machine.call(() => machine.exports.blkSubmit(0, 0, 0n, ptr, 512));
  assert.ok(place);
  return { machine, place };
}

for (const version of VERSIONS) {
  const name = `diagnose, version ${version}`;
  const withEvents = [F.BLK_SIZE, F.FLUSH, F.EVENT_IDX, F.INDIRECT_DESC];

  test(`${name}: on an idle disk nothing is stuck, no cause is named, nothing is sent`, () => {
    const machine = new Machine({ slots: [{ version }, { version, features: withEvents }] });
    machine.boot();
    machine.send("dd read 0; dd read 1 vdb");
    for (const disk of ["vda", "vdb"]) {
      const output = machine.send(`diagnose ${disk}`);
      assert.match(output, new RegExp(`${disk}: nothing is stuck\\r`));
      assert.match(output, /available +idx 1 \(ours 1\)/);
      assert.match(output, /used +idx 1 \(ours 1\)/);
      assert.match(output, /notified +1 times/);
      assert.doesNotMatch(output, /likely/);
    }
  });

  test(`${name}: no line is longer than 100 columns`, () => {
    const machine = new Machine({ slots: [{ version, features: withEvents }] });
    machine.boot();
    machine.disk().faults.isDeaf = true;
    for (const line of stuck(machine).split("\r\n")) assert.ok(line.length <= 100, line);
  });

  test(`${name}: disks and operands that are not there are refused`, () => {
    const machine = new Machine({ slots: [{ version }] });
    machine.boot();
    assert.match(machine.send("diagnose vdb"), /diagnose: vdb: no such disk/);
    assert.match(machine.send("diagnose vda x"), /extra operand 'x'; usage: diagnose \[dev\]/);
  });

  test(`${name}: a disk that is not usable is explained as far as it goes`, () => {
    const machine = new Machine({ slots: [{ version, queueSizeMax: 2 }] });
    machine.boot();
    const output = machine.send("diagnose");
    assert.match(output, /vda: not usable: device does not accept a usable queue/);
    assert.match(firstCause(output), /^the driver gave the device up/);
  });

  test(`${name}: a used ring that the device has elsewhere is found`, () => {
    const machine = new Machine({ slots: [{ version }] });
    const packed = (place: QueuePlace): number =>
      Math.ceil((place.availPhys + 6 + 2 * place.size) / 4) * 4;
    misplace(machine, (place) => ({ ...place, usedPhys: packed(place) }));
    machine.boot();
    const output = stuck(machine);
    assert.match(output, /words that we never wrote at 0x[0-9a-f]+, as a used ring: idx 1/);
    assert.match(output, /status byte +0x00, the device has written it/);
    assert.match(firstCause(output), /^the used ring turned up elsewhere, at 0x/);
  });

  test(`${name}: a device with another queue size may be the cause when nothing is proven`, () => {
    const machine = new Machine({ slots: [{ version }] });
    misplace(machine, (place) => {
      const availPhys = place.tablePhys + 16 * 1024;
      return { size: 1024, tablePhys: place.tablePhys, availPhys, usedPhys: availPhys + 4096 };
    });
    machine.boot();
    assert.match(firstCause(stuck(machine)), /^the device may use another queue size or place/);
  });

  test(`${name}: registers of the other version are named`, () => {
    const { machine } = withRequest({ version });
    machine.disk().faults.onRead = (at, value) => (at === VERSION ? 3 - version : value);
    const expected = `^version ${version} registers on a version ${3 - version} device`;
    assert.match(firstCause(machine.send("diagnose")), new RegExp(expected));
  });

  test(`${name}: a window without a block device is named`, () => {
    const { machine } = withRequest({ version });
    machine.disk().faults.onRead = (at, value) => (at === DEVICE_ID ? 1 : value);
    assert.match(firstCause(machine.send("diagnose")), /^no block device answers in this window/);
  });

  for (const features of [[], withEvents]) {
    const kind = features.length > 0 ? "with EVENT_IDX" : "without EVENT_IDX";
    test(`${name}, ${kind}: a lost notification is named, and the second one sent`, () => {
      const machine = new Machine({ slots: [{ version, features }] });
      machine.boot();
      const disk = machine.disk();
      disk.faults.isDeaf = true;
      const write = disk.write.bind(disk);
      let kicks = 0;
      disk.write = (offset, width, value) => {
        if (offset === QUEUE_NOTIFY && ++kicks === 2) disk.faults.isDeaf = false;
        write(offset, width, value);
      };
      const output = stuck(machine);
      assert.match(output, /a second notification helped/);
      assert.match(firstCause(output), /^the notification was lost, the second one helped/);
    });

    test(`${name}, ${kind}: a second notification that does not help is waited for 10 ms`, () => {
      const { machine } = withRequest({ version, features });
      const startNs = machine.clock.nowNs;
      assert.match(machine.send("diagnose"), /a second notification did not help within 10 ms/);
      const tookNs = machine.clock.nowNs - startNs;
      assert.ok(tookNs >= WAIT_NS && tookNs < 2 * WAIT_NS, `took ${tookNs} ns`);
    });
  }

  test(`${name}: a device that asks not to be notified is not notified again`, () => {
    const machine = new Machine({ slots: [{ version }], mode: "deferred" });
    machine.boot();
    machine.disk().engine.setSilence(true);
    machine.disk().faults.isDeaf = true;
    const output = stuck(machine);
    assert.match(output, /not notified again: the device asks not to be/);
    assert.match(firstCause(output), /^the device asked not to be notified, and may not look/);
  });

  test(`${name}: a reset after set-up shows in the status`, () => {
    const { machine } = withRequest({ version });
    machine.disk().faults.onRead = (at, value) => (at === STATUS ? 4 : value);
    assert.match(firstCause(machine.send("diagnose")), /^the device was reset after set-up/);
  });

  test(`${name}: a reset after set-up shows in the registers of the queue`, () => {
    const { machine } = withRequest({ version });
    const place = version === 1 ? QUEUE_PFN : QUEUE_READY;
    machine.disk().faults.onRead = (at, value) => (at === place ? 0 : value);
    assert.match(firstCause(machine.send("diagnose")), /^the device was reset after set-up/);
  });

  test(`${name}: DEVICE_NEEDS_RESET is named`, () => {
    const { machine } = withRequest({ version });
    machine.type("diagnose");
    machine.disk().breakDown(); // the driver sees it 10 ms later, and resets the device
    const output = machine.send("");
    assert.match(output, /not notified again: the device is not ready for it/);
    assert.match(firstCause(output), /^the device has broken and asks for a reset/);
  });

  for (const [what, offset, bytes, expected] of [
    ["of no length", 8, [0, 0, 0, 0], /entry 0 of the chain: its length is zero/],
    ["outside our memory", 4, [0xff, 0, 0, 0], /entry 0 of the chain: it is outside our memory/],
    ["header that the device writes", 12, [3], /entry 0 of the chain: not 16 bytes that/],
    ["link into nowhere", 14, [0xff, 0xff], /entry 0 of the chain: the links lead nowhere/],
    ["link in a circle", 14, [0, 0], /the links lead nowhere, or in a circle/],
  ] as const) {
    test(`${name}: a descriptor that is bad is named: ${what}`, () => {
      const { machine, place } = withRequest({ version });
      machine.memory.slice(place.tablePhys + offset, bytes.length).set(bytes);
      assert.match(firstCause(machine.send("diagnose")), expected);
    });
  }

  test(`${name}: with indirect descriptors, an entry that misses its table is named`, () => {
    const { machine, place } = withRequest({ version, features: [F.INDIRECT_DESC] });
    machine.memory.slice(place.tablePhys, 1).set([1]);
    assert.match(firstCause(machine.send("diagnose")), /the ring does not point to its table/);
  });

  test(`${name}: a request that is done while used.idx stays is named`, () => {
    const machine = new Machine({ slots: [{ version }] });
    machine.boot();
    machine.disk().faults.onRequest(anyRequest, { entryCount: 0 });
    assert.match(firstCause(stuck(machine)), /^the request was done, but used.idx did not move/);
  });

  test(`${name}: a device that fetches and keeps requests is named`, () => {
    const machine = new Machine({ slots: [{ version, features: withEvents }] });
    machine.boot();
    machine.disk().faults.isSilent = true;
    const output = stuck(machine);
    assert.match(output, /the device has fetched all/);
    assert.match(firstCause(output), /^the device has fetched the request and keeps it/);
  });

  test(`${name}: a disk that stays stuck is explained once, until something is completed`, () => {
    const machine = new Machine({ slots: [{ version }] });
    machine.boot();
    machine.disk().faults.isSilent = true;
    const output = stuck(machine);
    assert.equal(output.split("likely causes").length - 1, 1);
    machine.disk().faults.isSilent = false;
    machine.send("reset; dd read 0");
    machine.disk().faults.isSilent = true;
    assert.match(stuck(machine), /likely causes/);
  });

  test(`${name}: while a reset does not end, only the status is read`, () => {
    const machine = new Machine({ slots: [{ version }] });
    machine.boot();
    machine.disk().faults.isSilent = true;
    machine.disk().faults.resetReads = Infinity;
    stuck(machine);
    assert.match(machine.send("diagnose"), /written 0x00\), being reset, no more may be read/);
  });

  test(`${name}: garbage from the device neither traps nor hangs it`, () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { machine, place } = withRequest({ version, features: seed % 2 ? withEvents : [] });
      const random = new Prng(seed);
      const garbled = [MAGIC_VALUE, VERSION, DEVICE_ID, QUEUE_PFN, QUEUE_READY];
      machine.disk().faults.onRead = (at, value) => (garbled.includes(at) ? random.next() : value);
      const bytes = machine.memory.slice(place.usedPhys, 6 + 8 * place.size);
      for (let i = 4; i < bytes.length; i++) bytes[i] = random.next();
      const table = machine.memory.slice(place.tablePhys, 16 * 4);
      for (let i = 0; i < table.length; i++) table[i] = random.next();
      assert.match(machine.send("diagnose"), /likely causes/, `seed ${seed}`);
    }
  });
}

/** A driver that is broken on purpose, and what the automatic diagnosis must say of it first. */
interface Defect {
  readonly name: string;
  readonly edits: readonly Edit[];
  readonly cause: RegExp;
  readonly transports: readonly TransportVersion[];
  /** Boot arguments between the time limit and the end. */
  readonly cmd?: string;
}

const LEGACY = "virtio/mmio_legacy.ts";
const QUEUE = "virtio/queue.ts";
const NEGOTIATE = "virtio/negotiate.ts";
const DEVICE = "blk/device.ts";
const RECOVERY = "blk/recovery.ts";

const remove = (path: string, from: string): Edit => ({ path, from, to: "" });

const PAGE_SIZE = "this.write(reg.GuestPageSize, <u32>PAGE_BYTES);";
const PFN = "this.write(reg.QueuePFN, <u32>pageNumber);";
const DISPATCH = "if (queue.publish()) {";
/** The driver's own checks of what it hands over, which would stop some of the defects. */
const CHECK_PAGE = 'assert(physOf(descPtr) % PAGE_BYTES == 0, "queue is not page aligned");';
const CHECK_USED = 'assert(usedPtr % PAGE_BYTES == 0, "used ring is not page aligned");';
const ANY_PFN: Edit = {
  path: LEGACY,
  from: "== <u32>pageNumber ? E_OK : E_QUEUE",
  to: ">= 0 ? E_OK : E_QUEUE",
};

const BOTH: readonly TransportVersion[] = ["legacy", "modern"];

const DEFECTS: readonly Defect[] = [
  {
    name: "the used ring is packed behind the available ring",
    edits: [
      {
        path: QUEUE,
        from: "pageAlign(this.availPtr + virtqAvailBytes(size));",
        to: "(this.availPtr + virtqAvailBytes(size) + 3) & ~3;",
      },
      remove(LEGACY, CHECK_USED),
    ],
    cause: /^the used ring turned up elsewhere/,
    transports: ["legacy"],
  },
  {
    name: "QueueAlign is not what the layout has",
    edits: [{ path: LEGACY, from: "reg.QueueAlign, <u32>PAGE_BYTES", to: "reg.QueueAlign, 4" }],
    cause: /^the used ring turned up elsewhere/,
    transports: ["legacy"],
  },
  {
    name: "QueueSize is not written",
    edits: [remove(LEGACY, "this.write(reg.QueueSize, size);")],
    cause: /^the device uses another queue size \(told 0, ours 8\)/,
    transports: ["legacy"],
    cmd: "queue 8; dd read 0",
  },
  {
    name: "GuestPageSize is not written",
    edits: [remove(LEGACY, PAGE_SIZE)],
    cause: /^GuestPageSize was never written/,
    transports: ["legacy"],
  },
  {
    name: "GuestPageSize is written after QueuePFN",
    edits: [
      remove(LEGACY, PAGE_SIZE),
      { path: LEGACY, from: PFN, to: `${PFN} ${PAGE_SIZE}` },
      ANY_PFN,
    ],
    cause: /^GuestPageSize was written after QueuePFN/,
    transports: ["legacy"],
  },
  {
    name: "GuestPageSize is the shift",
    edits: [{ path: LEGACY, from: PAGE_SIZE, to: "this.write(reg.GuestPageSize, 12);" }],
    cause: /^GuestPageSize is 12/,
    transports: ["legacy"],
  },
  {
    name: "the queue is not page aligned",
    edits: [
      {
        path: QUEUE,
        from: "reservePages(this.areaBytes);",
        to: "reservePages(this.areaBytes + 4096) + 512;",
      },
      remove(LEGACY, CHECK_PAGE),
    ],
    cause: /^the device has the table somewhere else: QueuePFN drops the low bits/,
    transports: ["legacy"],
  },
  {
    name: "version 2 registers on a version 1 device",
    edits: [
      {
        path: "main.ts",
        from: "version == 1 ? addLegacy(window) : addModern(window)",
        to: "version == 3 ? addLegacy(window) : addModern(window)",
      },
      { path: NEGOTIATE, from: "!(accepted & VIRTIO_F_VERSION_1)", to: "false" },
      {
        path: "virtio/mmio_modern.ts",
        from: "reg.QueueReady) == 1 ? E_OK : E_QUEUE",
        to: "reg.QueueReady) == 1 ? E_OK : E_OK",
      },
    ],
    cause: /^version 2 registers on a version 1 device/,
    transports: ["legacy"],
  },
  {
    name: "the notification is never sent",
    edits: [{ path: DEVICE, from: DISPATCH, to: "queue.publish(); if (false) {" }],
    cause: /^the notification was lost: it was never sent, the second one helped/,
    transports: BOTH,
  },
  {
    name: "the notification is for another queue",
    edits: [{ path: DEVICE, from: "notify(REQUEST_QUEUE)", to: "notify(REQUEST_QUEUE + 1)" }],
    cause: /^the notification was lost: it was for queue 1, the second one helped/,
    transports: ["modern"],
  },
  {
    name: "the notification is sent before avail.idx is written",
    edits: [
      {
        path: DEVICE,
        from: DISPATCH,
        to: "this.transport.notify(REQUEST_QUEUE); queue.publish(); if (false) {",
      },
    ],
    cause: /^the notification was lost, the second one helped/,
    transports: ["legacy"],
  },
  {
    name: "the device is reset after set-up",
    edits: [
      {
        path: NEGOTIATE,
        from: "addStatus(transport, DRIVER_OK);",
        to: "transport.writeStatus(0); addStatus(transport, DRIVER_OK);",
      },
    ],
    cause: /^the device was reset after set-up/,
    transports: BOTH,
  },
  {
    name: "QueuePFN 0 resets the device after set-up",
    edits: [{ path: LEGACY, from: PFN, to: `${PFN} this.write(reg.QueuePFN, 0);` }, ANY_PFN],
    cause: /^the device was reset after set-up/,
    transports: ["legacy"],
  },
  {
    name: "the header has no length",
    edits: [{ path: QUEUE, from: "first.len = firstBytes;", to: "first.len = 0;" }],
    cause: /^a bad descriptor, entry 0 of the chain: its length is zero/,
    transports: ["legacy"],
  },
  {
    name: "the header is marked WRITE",
    edits: [
      {
        path: QUEUE,
        from: "first.flags = VIRTQ_DESC_F_NEXT;",
        to: "first.flags = VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE;",
      },
    ],
    cause: /^a bad descriptor, entry 0 of the chain: not 16 bytes that the device reads/,
    transports: ["legacy"],
  },
  {
    name: "the status byte is not marked WRITE",
    edits: [{ path: QUEUE, from: "last.flags = VIRTQ_DESC_F_WRITE;", to: "last.flags = 0;" }],
    cause: /^a bad descriptor, entry 2 of the chain: not the status byte/,
    transports: ["legacy"],
  },
  {
    name: "the queue is set up again without a reset",
    edits: [
      remove(RECOVERY, "this.disk.transport.writeStatus(0);"),
      { path: RECOVERY, from: "if (this.disk.transport.readStatus() == 0) return", to: "return" },
      remove(LEGACY, "if (host.mmioRead32(this.window, reg.QueuePFN) != 0) return 0;"),
    ],
    cause: /^the queue was set up again without a reset/,
    transports: ["legacy"],
    cmd: "dd read 0; reset; dd read 0",
  },
  {
    name: "avail.idx starts with garbage",
    edits: [
      { path: QUEUE, from: "VIRTQ_RING_IDX, <u16>this.availIdx);", to: "VIRTQ_RING_IDX, 301);" },
    ],
    cause: /^the available ring holds garbage: idx 301, sent 1/,
    transports: ["legacy"],
  },
];

for (const { name, edits, cause, transports, cmd = "dd read 0" } of DEFECTS) {
  test(`diagnose, QEMU: ${name}`, async (t) => {
    const kernel = await buildBroken(edits);
    const disk = makeImage(makeFolder(t), "a.img", 1 << 20);
    for (const transport of transports) {
      const options = { transport, kernel, disks: [disk], cmd: `guard=off; timeout 200; ${cmd}` };
      const machine = new QemuMachine(t, options);
      const output = await machine.waitFor(/^ +1\. .*\n[^]*?^vda: /m);
      await machine.kill();
      assert.match(firstCause(output), cause);
    }
  });
}

for (const transport of BOTH) {
  const name = `diagnose, QEMU, ${transport}`;

  test(`${name}: a sound driver on a sound device is not accused`, async (t) => {
    const disk = makeImage(makeFolder(t), "a.img", 1 << 20);
    const cmd = "queue 8; dd read 0; dd read 1; diagnose; poweroff";
    const machine = new QemuMachine(t, { transport, disks: [disk], cmd });
    assert.equal(await machine.exit(), 0);
    assert.match(machine.log, /vda: nothing is stuck/);
    assert.doesNotMatch(machine.log, /likely/);
  });

  test(`${name}: storage that is too slow is blamed`, async (t) => {
    const path = makeImage(makeFolder(t), "a.img", 1 << 20);
    const disks = [{ path, drive: "throttling.iops-total=1" }];
    const cmd = "timeout 200; dd read 0; dd read 1; dd read 2; dd read 3";
    const machine = new QemuMachine(t, { transport, disks, cmd });
    const output = await machine.waitFor(/^ +1\. .*\n[^]*?^vda: /m);
    assert.match(firstCause(output), /^the device has fetched the request and keeps it/);
  });
}
