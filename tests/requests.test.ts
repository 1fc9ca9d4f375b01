/**
 * Requests of the driver on the device model: of every type, in flight together, at every limit, in
 * every variant of the rings. What a faulty device leads to is in recovery.test.ts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  diskOf,
  E,
  Embedder,
  marked,
  type Piece,
  type Range,
  SECTOR_BYTES,
  VARIANTS,
  VERSIONS,
} from "./embedder.js";
import { anyRequest } from "./machine/faults.js";
import { Machine } from "./machine/machine.js";
import { Prng } from "./machine/prng.js";
import { F, T } from "./machine/spec.js";

const RANGE_TYPES = [
  ["discard", T.DISCARD, F.DISCARD],
  ["write zeroes", T.WRITE_ZEROES, F.WRITE_ZEROES],
  ["secure erase", T.SECURE_ERASE, F.SECURE_ERASE],
] as const;

/** Requests that fit a queue of 256: one a chain of header, status and two buffers, or a table. */
const depthOf = (isIndirect: boolean): number => (isIndirect ? 256 : 64);

for (const variant of VARIANTS) {
  const { name, version, mode, isIndirect, hasEventIdx } = variant;

  test(`requests, ${name}: many complete in any order, each with its own data`, () => {
    const embedder = new Embedder(diskOf(variant), { mode });
    const { faults, engine, store } = embedder.machine.disk();
    faults.isHolding = true;
    const { handles, refusal } = embedder.saturate(T.IN);
    assert.equal(refusal, E.BUSY);
    assert.equal(handles.length, depthOf(isIndirect));
    for (const lba of handles.keys()) store.place(lba, marked(lba));
    embedder.settle();
    const prng = new Prng(7);
    engine.releaseAll((held) => prng.shuffle(held));
    for (const [lba, handle] of handles.entries()) {
      assert.equal(embedder.poll(handle), 0);
      assert.deepEqual(embedder.data(lba * SECTOR_BYTES), marked(lba));
    }
    assert.equal(embedder.machine.disk().resetCount, 1);
  });

  test(`requests, ${name}: the ring indices wrap past 65535`, () => {
    const disk = diskOf(variant, [], { queueSizeMax: 16, sectorCount: 1024 });
    const embedder = new Embedder(disk, { mode, latencyNs: 1_000 });
    for (let i = 0; i < 65_600; i++) {
      assert.equal(embedder.transfer(T.IN, i % 1024), 0, `request ${i}`);
    }
    const { resetCount, engine, interrupts } = embedder.machine.disk();
    assert.equal(resetCount, 1);
    assert.equal(engine.kickCount, 65_600);
    assert.equal(interrupts, 0, "an interrupt that nobody asked for");
  });

  test(`requests, ${name}: a device that asks for no notification gets none`, () => {
    if (mode === "immediate") return;
    const embedder = new Embedder(diskOf(variant), { mode, latencyNs: 1_000 });
    const { engine } = embedder.machine.disk();
    engine.setSilence(true);
    assert.equal(embedder.transfer(T.IN, 0), 0);
    const before = engine.kickCount;
    const count = hasEventIdx ? 66_000 : 100;
    for (let i = 0; i < count; i++) assert.equal(embedder.transfer(T.IN, i % 64), 0);
    assert.equal(engine.kickCount - before, 0);
    engine.setSilence(false);
    assert.equal(embedder.transfer(T.IN, 0), 0);
    assert.equal(embedder.transfer(T.IN, 0), 0);
    assert.ok(engine.kickCount > before, "the device asks to be notified again");
  });

  test(`requests, ${name}: status and data are read behind the barrier`, () => {
    const embedder = new Embedder(diskOf(variant), { isWeak: true, mode });
    embedder.machine.disk().store.place(3, marked(3));
    assert.equal(embedder.transfer(T.IN, 3), 0);
    assert.deepEqual(embedder.data(0), marked(3));
  });

  test(`requests, ${name}: what several completions lead to is announced once`, () => {
    const disk = diskOf(variant, [F.SIZE_MAX, F.SEG_MAX], { limits: { sizeMax: 512, segMax: 1 } });
    const embedder = new Embedder(disk, { mode });
    const { faults, engine } = embedder.machine.disk();
    faults.isHolding = true;
    const handles = Array.from({ length: 8 }, (_, i) => embedder.submit(T.IN, i, i * 1024, 1024));
    embedder.settle();
    engine.releaseAll();
    const before = engine.kickCount;
    embedder.poll(handles[0]!);
    assert.equal(engine.kickCount - before, 1);
    embedder.settle();
    assert.equal(engine.held.length, 8, "the second half of each request");
    engine.releaseAll();
    for (const handle of handles) assert.equal(embedder.finish(handle), 0);
  });

  test(`requests, ${name}: a list of ragged buffers is read and written whole`, () => {
    const embedder = new Embedder(diskOf(variant), { mode });
    const { store } = embedder.machine.disk();
    const pieces = ragged();
    store.place(11, marked(11, 9));
    assert.equal(embedder.finish(embedder.submitList(T.IN, 11, pieces)), 0);
    assert.deepEqual(Buffer.concat(pieces.map((piece) => embedder.data(...piece))), marked(11, 9));
    assert.equal(embedder.finish(embedder.submitList(T.OUT, 300, pieces)), 0);
    assert.deepEqual(Buffer.from(store.read(300, 9)), marked(11, 9));
  });

  test(`requests, ${name}: a list longer than any chain is split`, () => {
    const embedder = new Embedder(diskOf(variant), { mode });
    const { store } = embedder.machine.disk();
    const prng = new Prng(version);
    const pieces = prng.shuffle(
      Array.from({ length: 300 }, (_, i): Piece => [8192 + i * 512, 512]),
    );
    for (const [lba, [offset]] of pieces.entries()) embedder.fill(offset, marked(lba));
    assert.equal(embedder.finish(embedder.submitList(T.OUT, 0, pieces)), 0);
    assert.deepEqual(Buffer.from(store.read(0, 300)), Buffer.concat(markedOneByOne(300)));
  });

  for (const [what, limits] of [
    ["segments of 100 bytes, seven of them", { sizeMax: 100, segMax: 7 }],
    ["segments of 1000 bytes", { sizeMax: 1000, segMax: 0 }],
    ["one segment", { sizeMax: 0, segMax: 1 }],
  ] as const) {
    test(`requests, ${name}: with ${what}, a list is read and written whole`, () => {
      const disk = diskOf(variant, [F.SIZE_MAX, F.SEG_MAX], { limits });
      const embedder = new Embedder(disk, { mode });
      const pieces: Piece[] = [10_000, 50_000, 90_000].map((at) => [at, 4096]);
      for (const [index, [offset]] of pieces.entries()) embedder.fill(offset, marked(index * 8, 8));
      assert.equal(embedder.finish(embedder.submitList(T.OUT, 5, pieces)), 0);
      for (const [offset] of pieces) embedder.fill(offset, Buffer.alloc(4096));
      assert.equal(embedder.finish(embedder.submitList(T.IN, 5, pieces)), 0);
      for (const [index, [offset]] of pieces.entries()) {
        assert.deepEqual(embedder.data(offset, 4096), marked(index * 8, 8));
      }
    });
  }

  test(`requests, ${name}: ranges are discarded, zeroed and erased`, () => {
    const gates = RANGE_TYPES.map(([, , feature]) => feature);
    const limits = { maxDiscardSeg: 3, maxWriteZeroesSeg: 3, maxSecureEraseSeg: 3 };
    const embedder = new Embedder(diskOf(variant, gates, { limits }), { mode });
    const { store } = embedder.machine.disk();
    for (const [, type] of RANGE_TYPES) {
      store.fill(0, 32, 0x55);
      const ranges: Range[] = [
        [1, 2],
        [8, 4],
        [31, 1],
      ];
      assert.equal(embedder.finish(embedder.submitRanges(type, ranges)), 0);
      const left = Array.from({ length: 32 }, (_, lba) => store.read(lba, 1)[0]);
      const touched = left.flatMap((byte, lba) => (byte === 0x55 ? [] : [lba]));
      assert.deepEqual(touched, [1, 2, 8, 9, 10, 11, 31]);
      if (type === T.WRITE_ZEROES) assert.ok(touched.every((lba) => left[lba] === 0));
    }
  });

  test(`requests, ${name}: serial number and wear are read`, () => {
    const options = { serial: "0123456789abcdefghij", lifetime: [1, 2, 0x1234] } as const;
    const embedder = new Embedder(diskOf(variant, [F.LIFETIME], options), { mode });
    assert.equal(embedder.transfer(T.GET_ID, 0, 100, 20), 0);
    assert.equal(embedder.data(100, 20).toString(), options.serial);
    assert.equal(embedder.transfer(T.GET_LIFETIME, 0, 200, 6), 0);
    assert.deepEqual(embedder.data(200, 6), Buffer.of(1, 0, 2, 0, 0x34, 0x12));
  });

  test(`requests, ${name}: a flush reaches the cache of the disk`, () => {
    const embedder = new Embedder(diskOf(variant), { mode });
    const { store } = embedder.machine.disk();
    assert.equal(embedder.transfer(T.OUT, 9), 0);
    assert.deepEqual(store.unflushed, [9]);
    assert.equal(embedder.transfer(T.FLUSH, 0, 0, 0), 0);
    assert.deepEqual(store.unflushed, []);
  });
}

/** Nine sectors in buffers of odd lengths, at most two of them in a sector. */
function ragged(): Piece[] {
  const lengths = [100, 412, 1024, 3, 509, 513, 511, 1536];
  let at = 4096;
  return lengths.map((length): Piece => {
    const offset = at;
    at += length + 37;
    return [offset, length];
  });
}

function markedOneByOne(count: number): Buffer[] {
  return Array.from({ length: count }, (_, lba) => marked(lba));
}

for (const version of VERSIONS) {
  const name = `requests, version ${version}`;

  for (const [status, expected, text] of [
    [1, E.IO, "device reported an I/O error"],
    [2, E.UNSUPPORTED, "device answered that it does not support this request"],
    [3, E.STATUS, "device completed the request with an unknown status byte"],
    [0xfe, E.STATUS, "device completed the request with an unknown status byte"],
  ] as const) {
    test(`${name}: status ${status} is told apart, and the next request works`, () => {
      const embedder = new Embedder({ version });
      embedder.machine.disk().faults.onRequest(anyRequest, { status }, 2);
      assert.equal(embedder.transfer(T.IN, 3), expected);
      assert.match(
        embedder.machine.send("dd write 3 x"),
        new RegExp(`dd: write at sector 3 on vda: ${text}`),
      );
      assert.equal(embedder.transfer(T.IN, 3), 0);
      assert.equal(embedder.machine.disk().resetCount, 1, "no reset for an error of one request");
    });
  }

  test(`${name}: a write to a read-only disk is not sent`, () => {
    const features = [F.DISCARD, F.WRITE_ZEROES, F.SECURE_ERASE];
    const embedder = new Embedder({ version, isReadOnly: true, features });
    assert.equal(embedder.submit(T.OUT, 0), E.READ_ONLY);
    assert.equal(embedder.submitList(T.OUT, 0, [[0, 512]]), E.READ_ONLY);
    for (const [, type] of RANGE_TYPES) {
      assert.equal(embedder.submitRanges(type, [[0, 1]]), E.READ_ONLY);
    }
    assert.match(
      embedder.machine.send("dd write 0 x"),
      /dd: write at sector 0 on vda: disk is read-only/,
    );
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

  test(`${name}: arguments of reads and writes are checked`, () => {
    const embedder = new Embedder({ version, sectorCount: 100 });
    const { exports } = embedder.machine;
    assert.equal(exports.blkCapacity(0), 100n);
    assert.equal(exports.blkCapacity(1), BigInt(E.NO_DEVICE));
    assert.equal(exports.blkCapacity(-1), BigInt(E.NO_DEVICE));
    assert.equal(exports.blkSubmit(1, T.IN, 0n, embedder.bufferPtr, 512), E.NO_DEVICE);
    assert.equal(exports.blkSubmit(-1, T.IN, 0n, embedder.bufferPtr, 512), E.NO_DEVICE);
    assert.equal(embedder.submit(T.IN, 0, 0, 0), E.ARGUMENT);
    assert.equal(embedder.submit(T.IN, 0, 0, 511), E.ALIGN);
    assert.equal(embedder.submit(T.IN, 0, 0, (4 << 20) + 512), E.TOO_LONG);
    assert.equal(embedder.submit(T.IN, 100), E.RANGE);
    assert.equal(embedder.submit(T.IN, 99, 0, 1024), E.RANGE);
    assert.equal(embedder.submit(T.IN, 0xffff_ffff_ffff_ffffn), E.RANGE);
    const memoryBytes = exports.memory.buffer.byteLength;
    assert.equal(exports.blkSubmit(0, T.IN, 0n, memoryBytes - 511, 512), E.ARGUMENT);
    assert.equal(exports.blkSubmit(0, T.IN, 0n, -512, 1024), E.ARGUMENT);
    assert.equal(embedder.poll(-1), E.ARGUMENT);
    assert.equal(embedder.poll(0x7fff_ffff), E.ARGUMENT);
  });

  test(`${name}: types that the driver does not send are refused`, () => {
    const embedder = new Embedder({ version });
    for (const type of [2, 3, 5, 6, 7, 9, 12, 15, 16, 24, 99, 0x8000_0000, 0xffff_ffff]) {
      assert.equal(embedder.submit(type, 0, 0, 0), E.ARGUMENT, `type ${type}`);
    }
  });

  test(`${name}: a position that is not on a block is refused`, () => {
    const embedder = new Embedder({ version, blkSize: 4096 });
    assert.equal(embedder.submit(T.IN, 1, 0, 4096), E.ALIGN);
    assert.equal(embedder.submit(T.IN, 8, 0, 512), E.ALIGN);
    assert.equal(embedder.submitList(T.IN, 4, [[0, 4096]]), E.ALIGN);
    assert.equal(embedder.transfer(T.IN, 8, 0, 4096), 0);
  });

  test(`${name}: arguments of lists are checked`, () => {
    const embedder = new Embedder({ version, sectorCount: 100 });
    const { exports } = embedder.machine;
    const list = (type: number, lba: number, ...pieces: Piece[]): number =>
      embedder.submitList(type, lba, pieces);
    assert.equal(list(T.IN, 0), E.ARGUMENT);
    assert.equal(list(T.IN, 0, [0, 512], [512, 0]), E.ARGUMENT);
    assert.equal(list(T.IN, 0, [0, 512], [512, 100]), E.ALIGN);
    assert.equal(list(T.IN, 99, [0, 512], [512, 512]), E.RANGE);
    assert.equal(list(T.IN, 0, [0, 512], [exports.memory.buffer.byteLength, 512]), E.ARGUMENT);
    assert.equal(list(T.IN, 0, [-4096, 0xffff_ffff]), E.ARGUMENT);
    assert.equal(list(T.IN, 0, [0, 3 << 20], [0, 2 << 20]), E.TOO_LONG);
    assert.equal(list(T.FLUSH, 0, [0, 512]), E.ARGUMENT);
    assert.equal(exports.blkSubmitList(1, T.IN, 0n, embedder.bufferPtr, 1), E.NO_DEVICE);
    const end = exports.memory.buffer.byteLength;
    assert.equal(exports.blkSubmitList(0, T.IN, 0n, end - 8, 2), E.ARGUMENT);
    assert.equal(exports.blkSubmitList(0, T.IN, 0n, 4096, 0xffff_ffff), E.ARGUMENT);
  });

  for (const [what, pieces] of [
    ["its first block", [200, 200, 112]],
    ["a later block", [512, 200, 200, 112]],
  ] as const) {
    test(`${name}: a list that needs too many buffers for ${what} is refused`, () => {
      const embedder = new Embedder({ version });
      const list = pieces.map((length, index): Piece => [4096 * (index + 1), length]);
      assert.equal(embedder.submitList(T.IN, 0, list), E.ALIGN);
      assert.equal(embedder.transfer(T.IN, 0), 0);
    });
  }

  test(`${name}: a request after a list that found no room is a plain one`, () => {
    const embedder = new Embedder({ version });
    embedder.machine.disk().faults.isHolding = true;
    const { handles } = embedder.saturate(T.IN);
    const pieces: Piece[] = [
      [4096, 512],
      [8192, 512],
    ];
    assert.equal(embedder.submitList(T.IN, 0, pieces), E.BUSY);
    embedder.machine.disk().faults.isHolding = false;
    embedder.machine.disk().engine.releaseAll();
    for (const handle of handles) assert.equal(embedder.finish(handle), 0);
    embedder.machine.disk().store.place(0, marked(77));
    assert.equal(embedder.transfer(T.IN, 0), 0);
    assert.deepEqual(embedder.data(0), marked(77));
  });

  for (const [what, type, feature] of RANGE_TYPES) {
    test(`${name}: arguments of ${what} are checked`, () => {
      const limits = {
        maxDiscardSeg: 2,
        maxWriteZeroesSeg: 2,
        maxSecureEraseSeg: 2,
        maxDiscardSectors: 16,
        maxWriteZeroesSectors: 16,
        maxSecureEraseSectors: 16,
      };
      const embedder = new Embedder({ version, sectorCount: 100, features: [feature], limits });
      const send = (...ranges: Range[]): number => embedder.submitRanges(type, ranges);
      assert.equal(send(), E.ARGUMENT);
      assert.equal(send([0, 1], [2, 1], [4, 1]), E.ARGUMENT, "too many ranges");
      assert.equal(send([0, 0]), E.ARGUMENT, "an empty range");
      assert.equal(send([0, 17]), E.TOO_LONG);
      assert.equal(send([99, 2]), E.RANGE);
      assert.equal(send([0, 1], [0xffff_ffff_ffff_ffffn, 1]), E.RANGE);
      assert.equal(send([0, 1, 2]), E.ARGUMENT, "a flag that does not exist");
      assert.equal(embedder.submit(type, 0, 0, 15), E.ARGUMENT);
      assert.equal(embedder.submit(type, 1, 0, 16), E.ARGUMENT, "a sector in the header");
      const unmap = send([0, 1, 1]);
      if (type === T.WRITE_ZEROES) assert.equal(embedder.finish(unmap), 0);
      else assert.equal(unmap, E.ARGUMENT, "unmap belongs to write zeroes");
      assert.equal(embedder.finish(send([0, 16], [84, 16])), 0);
      assert.equal(new Embedder({ version }).submitRanges(type, [[0, 1]]), E.NOT_OFFERED);
    });

    test(`${name}: ${what} is refused where it is not in whole blocks`, () => {
      const embedder = new Embedder({ version, blkSize: 4096, features: [F.BLK_SIZE, feature] });
      assert.equal(embedder.submitRanges(type, [[4, 8]]), E.ALIGN);
      assert.equal(embedder.submitRanges(type, [[8, 4]]), E.ALIGN);
      assert.equal(embedder.finish(embedder.submitRanges(type, [[8, 8]])), 0);
    });

    test(`${name}: ${what} that the device does not support is reported as that`, () => {
      const embedder = new Embedder({ version, features: [feature] });
      embedder.machine.disk().faults.onRequest(anyRequest, { status: 2 });
      assert.equal(embedder.finish(embedder.submitRanges(type, [[0, 1]])), E.UNSUPPORTED);
    });

    test(`${name}: ranges of ${what} that do not fit a chain are not split`, () => {
      const many = { maxDiscardSeg: 64, maxWriteZeroesSeg: 64, maxSecureEraseSeg: 64 };
      const limits = { ...many, sizeMax: 512, segMax: 1 };
      const features = [feature, F.SIZE_MAX, F.SEG_MAX];
      const embedder = new Embedder({ version, features, limits });
      const ranges = Array.from({ length: 33 }, (_, i): Range => [i, 1]);
      assert.equal(embedder.submitRanges(type, ranges), E.TOO_LONG);
      assert.equal(embedder.finish(embedder.submitRanges(type, ranges.slice(1))), 0);
    });
  }

  test(`${name}: arguments of flush, serial and lifetime are checked`, () => {
    const embedder = new Embedder({ version, features: [F.FLUSH, F.LIFETIME] });
    assert.equal(embedder.submit(T.FLUSH, 1, 0, 0), E.ARGUMENT);
    assert.equal(embedder.submit(T.FLUSH, 0, 0, 512), E.ARGUMENT);
    assert.equal(embedder.submit(T.GET_ID, 0, 0, 19), E.ARGUMENT);
    assert.equal(embedder.submit(T.GET_ID, 1, 0, 20), E.ARGUMENT);
    assert.equal(embedder.submit(T.GET_LIFETIME, 0, 0, 8), E.ARGUMENT);
    const { exports } = embedder.machine;
    const end = exports.memory.buffer.byteLength;
    assert.equal(exports.blkSubmit(0, T.GET_ID, 0n, end - 19, 20), E.ARGUMENT);
    const plain = new Embedder({ version, features: [] });
    assert.equal(plain.submit(T.FLUSH, 0, 0, 0), E.NOT_OFFERED);
    assert.equal(plain.submit(T.GET_LIFETIME, 0, 0, 6), E.NOT_OFFERED);
  });

  test(`${name}: a handle is good for one result`, () => {
    const embedder = new Embedder({ version });
    const handle = embedder.submit(T.IN, 0);
    assert.equal(embedder.finish(handle), 0);
    assert.equal(embedder.poll(handle), E.ARGUMENT);
  });

  test(`${name}: a request without a free slot is refused until there is one`, () => {
    const embedder = new Embedder({ version });
    embedder.machine.disk().faults.isHolding = true;
    const { handles, refusal } = embedder.saturate(T.IN);
    assert.equal(refusal, E.BUSY);
    embedder.machine.disk().faults.isHolding = false;
    embedder.machine.disk().engine.releaseAll();
    for (const handle of handles) assert.equal(embedder.finish(handle), 0);
    assert.equal(embedder.transfer(T.IN, 0), 0);
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
      for (const rings of [[], [F.INDIRECT_DESC]]) {
        const disk = { version, features: [...features, ...rings], limits, queueSizeMax };
        const embedder = new Embedder(disk);
        const { store } = embedder.machine.disk();
        store.place(7, marked(7, 100));
        assert.equal(embedder.transfer(T.IN, 7, 512, 100 * 512), 0);
        assert.deepEqual(embedder.data(512, 100 * 512), marked(7, 100));
        embedder.fill(0, marked(900, 100));
        assert.equal(embedder.transfer(T.OUT, 900, 0, 100 * 512), 0);
        assert.deepEqual(Buffer.from(store.read(900, 100)), marked(900, 100));
      }
    });
  }

  test(`${name}: an error in the middle of a split request is the result of the whole`, () => {
    const disk = { version, features: [F.SIZE_MAX], limits: { sizeMax: 512 }, queueSizeMax: 4 };
    const embedder = new Embedder(disk);
    embedder.machine.disk().faults.onRequest(({ sector }) => sector === 4, { status: 1 });
    assert.equal(embedder.transfer(T.IN, 0, 0, 10 * 512), E.IO);
    assert.equal(embedder.transfer(T.IN, 6, 0, 4 * 512), 0);
  });
}
