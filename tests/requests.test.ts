/**
 * Requests of the driver on the device model: in flight together, at every limit, and with every
 * kind of bad answer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { anyRequest } from "./machine/faults.js";
import { Machine, type MachineOptions } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import { F, type Version } from "./machine/spec.js";

const VERSIONS: readonly Version[] = [1, 2];
const IN = 0;
const OUT = 1;
const FLUSH = 4;
const SECTOR_BYTES = 512;

// The driver's error codes, as an embedder sees them
const PENDING = 1;
const E_IO = -1;
const E_UNSUPPORTED = -2;
const E_STATUS = -3;
const E_TIMEOUT = -4;
const E_NEEDS_RESET = -5;
const E_USED_RING = -6;
const E_DEAD = -7;
const E_READ_ONLY = -8;
const E_RANGE = -9;
const E_ALIGN = -10;
const E_ARGUMENT = -11;
const E_NO_DEVICE = -12;
const E_BUSY = -13;
const E_TOO_LONG = -19;

/** A booted machine with the block API around one disk. */
class Embedder {
  readonly machine: Machine;
  readonly bufferPtr: number;

  constructor(disk: DiskOptions, options: MachineOptions = {}) {
    this.machine = new Machine({ slots: [disk], ...options });
    this.machine.boot();
    this.bufferPtr = this.machine.exports.blkBuffer() >>> 0;
  }

  get memory(): Uint8Array {
    return new Uint8Array(this.machine.exports.memory.buffer);
  }

  submit(type: number, lba: number | bigint, offset = 0, lengthBytes = SECTOR_BYTES): number {
    const { exports } = this.machine;
    const ptr = this.bufferPtr + offset;
    return this.machine.call(() => exports.blkSubmit(0, type, BigInt(lba), ptr, lengthBytes))!;
  }

  poll(handle: number): number {
    return this.machine.call(() => this.machine.exports.blkPoll(handle))!;
  }

  /** Polls until the request is done; the virtual clock moves with every poll. */
  finish(handle: number): number {
    assert.ok(handle >= 0, `submit returned ${handle}`);
    for (;;) {
      const result = this.poll(handle);
      if (result !== PENDING) return result;
    }
  }

  transfer(type: number, lba: number, offset = 0, lengthBytes = SECTOR_BYTES): number {
    return this.finish(this.submit(type, lba, offset, lengthBytes));
  }

  data(offset: number, lengthBytes = SECTOR_BYTES): Buffer {
    return Buffer.from(
      this.memory.slice(this.bufferPtr + offset, this.bufferPtr + offset + lengthBytes),
    );
  }

  fill(offset: number, bytes: Uint8Array): void {
    this.memory.set(bytes, this.bufferPtr + offset);
  }
}

/** Bytes that say which sector they belong to. */
function marked(lba: number, sectorCount = 1): Buffer {
  const bytes = Buffer.alloc(sectorCount * SECTOR_BYTES);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(lba * 0x10001 + i, i);
  return bytes;
}

for (const version of VERSIONS) {
  const name = `requests, version ${version}`;

  for (const [status, expected, text] of [
    [1, E_IO, "device reported an I/O error"],
    [2, E_UNSUPPORTED, "device does not support this request"],
    [3, E_STATUS, "device completed the request without a valid status byte"],
    [0xfe, E_STATUS, "device completed the request without a valid status byte"],
    ["untouched", E_STATUS, "device completed the request without a valid status byte"],
  ] as const) {
    test(`${name}: status ${status} is told apart, and the next request works`, () => {
      const embedder = new Embedder({ version });
      embedder.machine.disk().faults.onRequest(anyRequest, { status }, 2);
      assert.equal(embedder.transfer(IN, 3), expected);
      assert.match(
        embedder.machine.send("dd write 3 x"),
        new RegExp(`dd: write at sector 3 on vda: ${text}`),
      );
      assert.equal(embedder.transfer(IN, 3), 0);
    });
  }

  for (const fault of ["isSilent", "isDeaf"] as const) {
    test(`${name}: a device that ${fault} is reset after 5 s and works again`, () => {
      const embedder = new Embedder({ version });
      const { machine } = embedder;
      machine.disk().faults[fault] = true;
      const startNs = machine.clock.nowNs;
      assert.match(
        machine.send("dd read 3"),
        /dd: read at sector 3 on vda: no answer from the device in time/,
      );
      const tookNs = machine.clock.nowNs - startNs;
      assert.ok(tookNs >= 5e9 && tookNs < 5.1e9, `took ${tookNs} ns`);
      machine.disk().faults[fault] = false;
      assert.match(machine.send("dd read 3"), /vda sector 3: 00/);
      assert.match(machine.send("blkinfo"), /recoveries +1\r/);
    });
  }

  test(`${name}: a silent device that does not come out of reset is not used any more`, () => {
    const embedder = new Embedder({ version });
    const { machine } = embedder;
    machine.disk().faults.isSilent = true;
    machine.disk().faults.resetReads = Infinity;
    const handles = [embedder.submit(IN, 1), embedder.submit(OUT, 2, 4096)];
    for (const handle of handles) assert.equal(embedder.finish(handle), E_DEAD);
    assert.match(machine.send("dd read 1"), /dd: vda: device does not come out of reset/);
    assert.equal(embedder.submit(IN, 1), E_DEAD);
    assert.equal(machine.exports.blkCapacity(0), BigInt(E_DEAD));
  });

  test(`${name}: only what was in flight ends with the time out`, () => {
    const embedder = new Embedder({ version, queueSizeMax: 8 });
    const { faults, engine } = embedder.machine.disk();
    faults.isHolding = true;
    const handles = Array.from({ length: 5 }, (_, i) => embedder.submit(IN, i, i * 512));
    assert.equal(engine.held.length, 2, "a queue of 8 holds two requests of three descriptors");
    while (engine.held.length > 0) embedder.poll(handles[4]!);
    faults.isHolding = false;
    const results = handles.map((handle) => embedder.finish(handle));
    assert.deepEqual(results.slice(0, 2), [E_TIMEOUT, E_TIMEOUT]);
  });

  test(`${name}: many requests complete in any order, each with its own data`, () => {
    const embedder = new Embedder({ version });
    const { faults, engine, store } = embedder.machine.disk();
    for (let lba = 0; lba < 80; lba++) store.place(lba, marked(lba));
    faults.isHolding = true;
    const handles = Array.from({ length: 80 }, (_, lba) => embedder.submit(IN, lba, lba * 512));
    const prng = new Prng(7);
    engine.releaseAll((held) => prng.shuffle(held));
    for (const [lba, handle] of handles.entries()) {
      assert.equal(embedder.poll(handle), 0);
      assert.deepEqual(embedder.data(lba * 512), marked(lba));
    }
  });

  test(`${name}: the ring indices wrap past 65535`, () => {
    const embedder = new Embedder({ version, queueSizeMax: 4, sectorCount: 1024 });
    for (let i = 0; i < 66_000; i++) {
      const handle = embedder.submit(IN, i % 1024);
      assert.equal(embedder.poll(handle), 0, `request ${i}`);
    }
    assert.match(embedder.machine.send("blkinfo"), /sectors read +66000\r/);
  });

  for (const [what, fault] of [
    ["names a chain that is not in flight", { usedId: (head: number) => (head + 3) % 256 }],
    ["names the second descriptor of a chain", { usedId: (head: number) => head + 1 }],
    ["is beyond the queue", { usedId: () => 256 }],
    ["has bits above 16", { usedId: (head: number) => head + 0x10000 }],
    ["comes twice", { entryCount: 2 }],
    ["comes with a jump of the index", { indexStep: 3 }],
    ["comes with an index that goes back", { indexStep: -1 }],
  ] as const) {
    test(`${name}: a used entry that ${what} is refused and the device is reset`, () => {
      const embedder = new Embedder({ version });
      embedder.machine.disk().faults.onRequest(anyRequest, fault, 1);
      const result = embedder.transfer(IN, 3);
      if (what !== "comes twice") assert.equal(result, E_USED_RING);
      assert.equal(embedder.transfer(IN, 3), 0);
      assert.equal(embedder.transfer(IN, 4), 0);
      assert.match(embedder.machine.send("blkinfo"), /recoveries +[01]\r/);
    });
  }

  test(`${name}: a request for a reset is answered with one`, () => {
    const embedder = new Embedder({ version });
    embedder.machine.disk().faults.requestsUntilBroken = 1;
    assert.equal(embedder.transfer(IN, 3), E_NEEDS_RESET);
    assert.equal(embedder.transfer(IN, 3), 0);
  });

  test(`${name}: a write to a read-only disk is not sent`, () => {
    const embedder = new Embedder({ version, isReadOnly: true });
    assert.equal(embedder.submit(OUT, 0), E_READ_ONLY);
    assert.match(
      embedder.machine.send("dd write 0 x"),
      /dd: write at sector 0 on vda: disk is read-only/,
    );
  });

  test(`${name}: a flush reaches the cache of the disk, and is refused where there is none`, () => {
    const cached = new Embedder({ version });
    cached.transfer(OUT, 9);
    assert.deepEqual(cached.machine.disk().store.unflushed, [9]);
    assert.equal(cached.transfer(FLUSH, 0, 0, 0), 0);
    assert.deepEqual(cached.machine.disk().store.unflushed, []);
    assert.equal(cached.submit(FLUSH, 1, 0, 0), E_ARGUMENT);
    assert.equal(new Embedder({ version, features: [] }).submit(FLUSH, 0, 0, 0), E_UNSUPPORTED);
  });

  test(`${name}: power-off flushes every disk first, and reboot does`, () => {
    for (const [command, kind] of [
      ["poweroff", "powerOff"],
      ["reboot", "reboot"],
    ] as const) {
      const machine = new Machine({ slots: [{ version }, { version }] });
      machine.boot();
      machine.send("dd write 1 x vda; dd write 2 y vdb");
      machine.send(command);
      assert.equal(machine.end?.kind, kind);
      for (const disk of machine.disks) assert.deepEqual(disk.store.unflushed, []);
    }
  });

  test(`${name}: a power-off whose flush fails says so, and ends with status 1`, () => {
    const machine = new Machine({ slots: [{ version }], bootArgs: "poweroff" });
    machine.disk().faults.onRequest(anyRequest, { status: 1 });
    assert.match(machine.boot(), /poweroff: flush of vda: device reported an I\/O error/);
    assert.deepEqual(machine.end, { kind: "powerOff", code: 1 });
  });

  test(`${name}: arguments of the block API are checked`, () => {
    const embedder = new Embedder({ version, sectorCount: 100 });
    const { exports } = embedder.machine;
    assert.equal(exports.blkCapacity(0), 100n);
    assert.equal(exports.blkCapacity(1), BigInt(E_NO_DEVICE));
    assert.equal(exports.blkCapacity(-1), BigInt(E_NO_DEVICE));
    assert.equal(exports.blkSubmit(1, IN, 0n, embedder.bufferPtr, 512), E_NO_DEVICE);
    assert.equal(embedder.submit(7, 0), E_ARGUMENT);
    assert.equal(embedder.submit(IN, 0, 0, 0), E_ARGUMENT);
    assert.equal(embedder.submit(IN, 0, 0, 511), E_ALIGN);
    assert.equal(embedder.submit(IN, 0, 0, (4 << 20) + 512), E_TOO_LONG);
    assert.equal(embedder.submit(IN, 100), E_RANGE);
    assert.equal(embedder.submit(IN, 99, 0, 1024), E_RANGE);
    assert.equal(embedder.submit(IN, 0xffff_ffff_ffff_ffffn), E_RANGE);
    const memoryBytes = exports.memory.buffer.byteLength;
    assert.equal(exports.blkSubmit(0, IN, 0n, memoryBytes - 511, 512), E_ARGUMENT);
    assert.equal(exports.blkSubmit(0, IN, 0n, -512, 1024), E_ARGUMENT);
    assert.equal(embedder.poll(-1), E_ARGUMENT);
    assert.equal(embedder.poll(0x7fff_ffff), E_ARGUMENT);
  });

  test(`${name}: a handle is good for one result`, () => {
    const embedder = new Embedder({ version });
    const handle = embedder.submit(IN, 0);
    assert.equal(embedder.finish(handle), 0);
    assert.equal(embedder.poll(handle), E_ARGUMENT);
  });

  test(`${name}: a request without a free slot is refused until there is one`, () => {
    const embedder = new Embedder({ version });
    embedder.machine.disk().faults.isHolding = true;
    const handles: number[] = [];
    let refused = 0;
    for (refused = embedder.submit(IN, 0); refused >= 0; refused = embedder.submit(IN, 0)) {
      handles.push(refused);
      assert.ok(handles.length < 1000);
    }
    assert.equal(refused, E_BUSY);
    embedder.machine.disk().faults.isHolding = false;
    embedder.machine.disk().engine.releaseAll();
    for (const handle of handles) assert.equal(embedder.finish(handle), 0);
    assert.equal(embedder.transfer(IN, 0), 0);
  });

  for (const [what, features, limits, queueSizeMax] of [
    ["no limits", [], {}, 256],
    ["segments of 1024 bytes", [F.SIZE_MAX], { sizeMax: 1024 }, 256],
    ["segments of 1000 bytes", [F.SIZE_MAX], { sizeMax: 1000 }, 256],
    [
      "segments of 100 bytes, six of them",
      [F.SIZE_MAX, F.SEG_MAX],
      { sizeMax: 100, segMax: 6 },
      256,
    ],
    ["a queue of four", [F.SIZE_MAX], { sizeMax: 4096 }, 4],
    ["limits of 0, which are none", [F.SIZE_MAX, F.SEG_MAX], { sizeMax: 0, segMax: 0 }, 16],
  ] as const) {
    test(`${name}: with ${what}, a request of 100 sectors reads and writes every byte`, () => {
      const disk = { version, features: [...features], limits, queueSizeMax };
      for (const mode of ["immediate", "deferred"] as const) {
        const embedder = new Embedder(disk, { mode });
        const { store } = embedder.machine.disk();
        store.place(7, marked(7, 100));
        assert.equal(embedder.transfer(IN, 7, 512, 100 * 512), 0);
        assert.deepEqual(embedder.data(512, 100 * 512), marked(7, 100));
        embedder.fill(0, marked(900, 100));
        assert.equal(embedder.transfer(OUT, 900, 0, 100 * 512), 0);
        assert.deepEqual(Buffer.from(store.read(900, 100)), marked(900, 100));
      }
    });
  }

  test(`${name}: an error in the middle of a split request is the result of the whole`, () => {
    const disk = { version, features: [F.SIZE_MAX], limits: { sizeMax: 512 }, queueSizeMax: 4 };
    const embedder = new Embedder(disk);
    embedder.machine.disk().faults.onRequest(({ sector }) => sector === 4, { status: 1 });
    assert.equal(embedder.transfer(IN, 0, 0, 10 * 512), E_IO);
    assert.equal(embedder.transfer(IN, 6, 0, 4 * 512), 0);
  });

  test(`${name}: status and data are read behind the barrier`, () => {
    const embedder = new Embedder({ version }, { isWeak: true, mode: "deferred" });
    embedder.machine.disk().store.place(3, marked(3));
    assert.equal(embedder.transfer(IN, 3), 0);
    assert.deepEqual(embedder.data(0), marked(3));
  });

  test(`${name}: a device that asks for no notification gets none`, () => {
    const embedder = new Embedder({ version }, { mode: "deferred" });
    embedder.machine.disk().engine.setSilence(true);
    for (let lba = 0; lba < 10; lba++) assert.equal(embedder.transfer(IN, lba), 0);
  });
}

test("requests, version 2: a used length beyond the buffer leads to a reset", () => {
  const embedder = new Embedder({ version: 2 });
  embedder.machine.disk().faults.onRequest(anyRequest, { usedLength: (length) => length + 1 }, 1);
  assert.equal(embedder.transfer(IN, 3), E_USED_RING);
  assert.equal(embedder.transfer(IN, 3), 0);
});

test("requests, version 1: a used length means nothing (§2.7.8.1)", () => {
  const embedder = new Embedder({ version: 1 });
  embedder.machine.disk().faults.onRequest(anyRequest, { usedLength: () => 0xffff_ffff });
  assert.equal(embedder.transfer(IN, 3), 0);
});
