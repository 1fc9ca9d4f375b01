/**
 * Recovery of a disk on the device model: whatever the device does wrong leads to one path, over a
 * reset to a replay, or to a precise error; and no memory is given back before the reset is over.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  diskOf,
  E,
  Embedder,
  marked,
  PENDING,
  SECTOR_BYTES,
  type Variant,
  VARIANTS,
  VERSIONS,
} from "./embedder.js";
import { anyRequest, ofType, type RequestFault, startingIn } from "./machine/faults.js";
import type { DiskOptions } from "./machine/options.js";
import { F, Status, T } from "./machine/spec.js";

const SECOND_NS = 1e9;

/** Used entries that cannot be, on a queue of 256. */
const IMPOSSIBLE: readonly (readonly [string, RequestFault])[] = [
  ["names a chain that is not in flight", { usedId: (head) => (head + 4) % 256 }],
  ["names the second descriptor of a chain", { usedId: (head) => head + 1 }],
  ["is beyond the queue", { usedId: () => 256 }],
  ["has bits above 16", { usedId: (head) => head + 0x10000 }],
  ["comes twice", { entryCount: 2 }],
  ["comes with a jump of the index", { indexStep: 3 }],
  ["comes with an index that goes back", { indexStep: -1 }],
];

function embedderOf(variant: Variant, options: DiskOptions = {}): Embedder {
  return new Embedder(diskOf(variant, [F.BLK_SIZE, F.FLUSH], options), { mode: variant.mode });
}

/** Recoveries that came to the end of a reset. */
const recoveriesOf = (embedder: Embedder): number => embedder.machine.disk().resetCount - 1;

function reads(embedder: Embedder, lba: number): number {
  embedder.machine.disk().store.place(lba, marked(lba));
  embedder.fill(0, Buffer.alloc(SECTOR_BYTES, 0xaa));
  const result = embedder.transfer(T.IN, lba);
  if (result === 0) assert.deepEqual(embedder.data(0), marked(lba));
  return result;
}

/** `reset vda` brings a disk back that is dead, and it works. */
function comesBack(embedder: Embedder): void {
  assert.equal(embedder.submit(T.IN, 1), E.DEAD);
  assert.match(embedder.machine.send("dd read 1"), /dd: vda: .*not used any more/);
  assert.match(embedder.machine.send("reset vda"), /vda has been reset/);
  assert.equal(reads(embedder, 1), 0);
}

for (const variant of VARIANTS) {
  const name = `recovery, ${variant.name}`;

  for (const [what, fault] of IMPOSSIBLE) {
    test(`${name}: after a used entry that ${what}, the request is done again`, () => {
      const embedder = embedderOf(variant);
      embedder.machine.disk().faults.onRequest(anyRequest, fault, 1);
      assert.equal(reads(embedder, 3), 0);
      assert.equal(recoveriesOf(embedder), 1);
      assert.equal(reads(embedder, 4), 0);
      assert.equal(recoveriesOf(embedder), 1);
    });
  }

  test(`${name}: a used length beyond the buffer is impossible, on version 2 only`, () => {
    const embedder = embedderOf(variant);
    const tooLong = { usedLength: (length: number): number => length + 1 };
    embedder.machine.disk().faults.onRequest(ofType(T.IN), tooLong, 1);
    embedder.machine.disk().faults.onRequest(ofType(T.OUT), { usedLength: () => 0xffff_ffff }, 1);
    assert.equal(reads(embedder, 3), 0);
    assert.equal(embedder.transfer(T.OUT, 3), 0);
    assert.equal(recoveriesOf(embedder), variant.version === 2 ? 2 : 0);
  });

  test(`${name}: a used length that understates is no fault`, () => {
    const embedder = embedderOf(variant);
    embedder.machine.disk().faults.onRequest(anyRequest, { usedLength: () => 0 });
    assert.equal(reads(embedder, 3), 0);
    assert.equal(recoveriesOf(embedder), 0);
  });

  test(`${name}: a lasting fault ends in its error after three replays, the disk is dead`, () => {
    const embedder = embedderOf(variant);
    const { faults } = embedder.machine.disk();
    faults.onRequest(anyRequest, { usedId: () => 0xffff });
    assert.equal(embedder.transfer(T.IN, 3), E.USED_RING);
    assert.equal(recoveriesOf(embedder), 4);
    faults.clearRequests();
    comesBack(embedder);
  });

  for (const fault of ["isSilent", "isDeaf"] as const) {
    test(`${name}: a device that ${fault} for a while is reset, and nobody notices`, () => {
      const embedder = embedderOf(variant);
      const { faults } = embedder.machine.disk();
      faults[fault] = true;
      faults.onReset = () => (faults[fault] = false);
      const startNs = embedder.machine.clock.nowNs;
      assert.equal(reads(embedder, 3), 0);
      const tookNs = embedder.machine.clock.nowNs - startNs;
      assert.ok(tookNs >= 5 * SECOND_NS && tookNs < 5.1 * SECOND_NS, `took ${tookNs} ns`);
      assert.equal(recoveriesOf(embedder), 1);
    });

    test(`${name}: a device that ${fault} for good is dead after four times the timeout`, () => {
      const embedder = embedderOf(variant);
      const { machine } = embedder;
      machine.disk().faults[fault] = true;
      const startNs = machine.clock.nowNs;
      assert.match(
        machine.send("dd read 3"),
        /dd: read at sector 3 on vda: no answer from the device in time/,
      );
      const tookNs = machine.clock.nowNs - startNs;
      assert.ok(tookNs >= 20 * SECOND_NS && tookNs < 20.2 * SECOND_NS, `took ${tookNs} ns`);
      machine.disk().faults[fault] = false;
      comesBack(embedder);
    });
  }

  test(`${name}: a request for a reset is answered with one`, () => {
    const embedder = embedderOf(variant);
    embedder.machine.disk().faults.requestsUntilBroken = 1;
    assert.equal(reads(embedder, 3), 0);
    assert.equal(recoveriesOf(embedder), 1);
  });

  test(`${name}: a request for a reset while nothing is going on is answered too`, () => {
    const embedder = embedderOf(variant);
    const { machine } = embedder;
    machine.disk().breakDown();
    machine.console.mark();
    machine.idle(0.1 * SECOND_NS);
    machine.idle(0.1 * SECOND_NS);
    assert.equal(recoveriesOf(embedder), 1);
    assert.match(machine.console.fresh, /vda: device asked for a reset; reset, 0 requests/);
    assert.equal(reads(embedder, 3), 0);
  });

  test(`${name}: everything in flight is sent again, and lands where it belongs`, () => {
    const embedder = embedderOf(variant);
    const disk = embedder.machine.disk();
    for (let lba = 0; lba < 60; lba += 2) disk.store.place(lba, marked(lba));
    disk.faults.isHolding = true;
    const handles = Array.from({ length: 60 }, (_, lba) => {
      if (lba % 2 === 1) embedder.fill(lba * SECTOR_BYTES, marked(lba));
      return embedder.submit(lba % 2 === 1 ? T.OUT : T.IN, lba, lba * SECTOR_BYTES);
    });
    embedder.settle();
    for (let half = 0; half < 30; half++) disk.engine.release();
    for (const handle of handles.slice(0, 30)) assert.equal(embedder.finish(handle), 0);
    disk.faults.isHolding = false;
    disk.breakDown();
    for (const handle of handles.slice(30)) assert.equal(embedder.finish(handle), 0);
    assert.equal(recoveriesOf(embedder), 1);
    for (let lba = 0; lba < 60; lba++) {
      assert.deepEqual(Buffer.from(disk.store.read(lba, 1)), marked(lba));
      assert.deepEqual(embedder.data(lba * SECTOR_BYTES), marked(lba));
    }
    assert.match(embedder.machine.send("iostat"), /recoveries 1, replays 30\r/);
  });

  test(`${name}: nothing ends before the reset is over`, () => {
    for (const cause of ["untouched", "impossible", "broken", "late"] as const) {
      const embedder = embedderOf(variant);
      const disk = embedder.machine.disk();
      const handle = sendFaulty(embedder, cause);
      disk.faults.resetReads = 40;
      let polls = 0;
      for (let result = PENDING; result === PENDING; polls++) {
        result = embedder.poll(handle);
        const isOver = disk.resetCount === 2;
        assert.ok(result === PENDING || isOver, `${cause}: ${result} while the reset goes on`);
        assert.ok(polls < 10_000, "the request does not end");
      }
      assert.ok(polls > 40, "the reset was not waited for");
    }
  });

  test(`${name}: an untouched status byte ends in its error after a reset`, () => {
    const embedder = embedderOf(variant);
    embedder.machine.disk().faults.onRequest(anyRequest, { status: "untouched" }, 1);
    assert.equal(embedder.transfer(T.IN, 3), E.STATUS);
    assert.equal(recoveriesOf(embedder), 1);
    assert.equal(reads(embedder, 3), 0);
  });

  test(`${name}: a reset that never ends ends in its error, and the rings are left alone`, () => {
    const embedder = embedderOf(variant);
    const { machine } = embedder;
    const disk = machine.disk();
    disk.faults.isHolding = true;
    const handles = [embedder.submit(T.IN, 1), embedder.submit(T.OUT, 2, 4096, 4096)];
    disk.faults.resetReads = Infinity;
    const startNs = machine.clock.nowNs;
    for (const handle of handles) assert.equal(embedder.finish(handle), E.RESET);
    const tookNs = machine.clock.nowNs - startNs;
    assert.ok(tookNs < 10 * SECOND_NS, `took ${tookNs} ns`);
    disk.engine.releaseAll();
    machine.idle(0.1 * SECOND_NS);
    assert.equal(machine.exports.blkCapacity(0), BigInt(E.DEAD));
    assert.match(machine.send("reset"), /reset: vda: .*not used any more/);
    disk.faults.resetReads = 0;
    disk.faults.isHolding = false;
    comesBack(embedder);
  });

  test(`${name}: a flush is sent again only when its writes have ended`, () => {
    const embedder = embedderOf(variant);
    const { faults, engine } = embedder.machine.disk();
    faults.isHolding = true;
    const writes = [embedder.submit(T.OUT, 1), embedder.submit(T.OUT, 2)];
    const flush = embedder.submit(T.FLUSH, 0, 0, 0);
    embedder.machine.disk().breakDown();
    const types = (): number[] => {
      for (let polls = 0; polls < 50; polls++) embedder.poll(flush);
      embedder.settle();
      return engine.held.map(({ type }) => type);
    };
    assert.deepEqual(types(), [T.OUT, T.OUT]);
    engine.release();
    assert.deepEqual(types(), [T.OUT]);
    engine.release();
    assert.deepEqual(types(), [T.FLUSH]);
    engine.release();
    for (const handle of [...writes, flush]) assert.equal(embedder.finish(handle), 0);
    assert.equal(recoveriesOf(embedder), 1);
  });

  test(`${name}: a flush that waits for its writes is not late`, () => {
    const embedder = embedderOf(variant);
    const { faults } = embedder.machine.disk();
    faults.isSilent = true;
    const write = embedder.submit(T.OUT, 1);
    const flush = embedder.submit(T.FLUSH, 0, 0, 0);
    faults.onReset = () => (faults.isSilent = false);
    faults.onRequest(ofType(T.OUT), { delayNs: 3 * SECOND_NS });
    faults.onRequest(ofType(T.FLUSH), { delayNs: 3 * SECOND_NS });
    for (const handle of [write, flush]) assert.equal(embedder.finish(handle), 0);
    assert.equal(recoveriesOf(embedder), 1);
  });

  test(`${name}: a lost completion is noticed however busy the disk is`, () => {
    const embedder = embedderOf(variant);
    const { machine } = embedder;
    machine.disk().faults.onRequest(startingIn(7, 7), { entryCount: 0 }, 1);
    const lost = embedder.submit(T.IN, 7, 4096);
    const startNs = machine.clock.nowNs;
    while (recoveriesOf(embedder) === 0) {
      const handle = embedder.submit(T.IN, 1);
      if (handle >= 0) embedder.finish(handle);
      else assert.equal(handle, E.BUSY);
      machine.clock.advance(20_000_000);
      assert.ok(machine.clock.nowNs - startNs < 10 * SECOND_NS, "nobody noticed");
    }
    assert.equal(embedder.finish(lost), 0);
  });

  test(`${name}: a request that always fails ends, and does not take the disk with it`, () => {
    const embedder = embedderOf(variant);
    const { machine } = embedder;
    machine.disk().faults.onRequest(startingIn(7, 7), { entryCount: 0 });
    const lost = embedder.submit(T.IN, 7, 4096);
    let result: number;
    do {
      const handle = embedder.submit(T.IN, 1);
      if (handle >= 0) assert.equal(embedder.finish(handle), 0);
      machine.clock.advance(SECOND_NS);
      result = embedder.poll(lost);
    } while (result === PENDING);
    assert.equal(result, E.TIMEOUT);
    assert.equal(recoveriesOf(embedder), 4);
    assert.equal(reads(embedder, 1), 0);
  });

  for (const cause of ["an untouched status", "a request for a reset"] as const) {
    test(`${name}: nothing is sent to a device that is being reset for ${cause}`, () => {
      const limits = { sizeMax: 512, segMax: 1 };
      const disk = diskOf(variant, [F.SIZE_MAX, F.SEG_MAX], { limits });
      const embedder = new Embedder(disk, { mode: variant.mode });
      const { faults, engine } = embedder.machine.disk();
      faults.isHolding = true;
      const split = embedder.submit(T.IN, 0, 0, 1024);
      const other = embedder.submit(T.IN, 8, 4096);
      embedder.machine.clock.advance(20_000_000);
      const isStatus = cause === "an untouched status";
      if (isStatus) faults.onRequest(startingIn(8, 8), { status: "untouched" }, 1);
      engine.releaseAll();
      faults.resetReads = 20;
      faults.isHolding = false;
      if (!isStatus) embedder.machine.disk().breakDown();
      assert.equal(embedder.finish(other), isStatus ? E.STATUS : 0);
      assert.equal(embedder.finish(split), 0);
      assert.equal(recoveriesOf(embedder), 1);
    });
  }

  test(`${name}: other disks go on while one is reset, or dead`, () => {
    const both = [diskOf(variant), diskOf(variant)];
    const embedder = new Embedder(both, { mode: variant.mode });
    const { machine } = embedder;
    machine.disk(0).faults.isSilent = true;
    machine.disk(0).faults.resetReads = Infinity;
    const stuck = embedder.submit(T.IN, 1, 4096);
    let result: number;
    do {
      const handle = embedder.submit(T.IN, 2, 0, SECTOR_BYTES, 1);
      assert.equal(embedder.finish(handle), 0);
      machine.clock.advance(0.1 * SECOND_NS);
      result = embedder.poll(stuck);
    } while (result === PENDING);
    assert.equal(result, E.RESET);
    assert.equal(machine.disk(1).resetCount, 1);
    assert.match(machine.send("dd read 0 vdb"), /vdb sector 0: 00/);
  });
}

/** Sends one request of which the device makes something that only a reset mends. */
function sendFaulty(
  embedder: Embedder,
  cause: "untouched" | "impossible" | "broken" | "late",
): number {
  const { faults } = embedder.machine.disk();
  if (cause === "untouched") faults.onRequest(anyRequest, { status: "untouched" }, 1);
  if (cause === "impossible") faults.onRequest(anyRequest, { usedId: () => 0xffff }, 1);
  if (cause === "broken") faults.requestsUntilBroken = 1;
  // The answer comes when the driver has given up waiting, in the middle of the reset
  if (cause === "late") faults.onRequest(anyRequest, { delayNs: 5 * SECOND_NS + 20_000_000 }, 1);
  return embedder.submit(T.IN, 3);
}

/** What a device is after a reset, and how the requests in flight end. */
interface Vanishing {
  readonly what: string;
  readonly disk?: DiskOptions;
  readonly change: (embedder: Embedder) => void;
  readonly send: (embedder: Embedder) => number[];
  readonly results: readonly number[];
}

const offerOnly = (embedder: Embedder, features: readonly number[]): void => {
  const disk = embedder.machine.disk();
  disk.offer(disk.disk.version === 2 ? [...features, F.VERSION_1] : features);
};

const VANISHING: readonly Vanishing[] = [
  {
    what: "is read-only",
    change: (e) => offerOnly(e, [F.FLUSH, F.RO]),
    send: (e) => [e.submit(T.OUT, 1), e.submit(T.IN, 1), e.submit(T.FLUSH, 0, 0, 0)],
    results: [E.READ_ONLY, 0, 0],
  },
  {
    what: "has no flush any more",
    change: (e) => offerOnly(e, []),
    send: (e) => [e.submit(T.OUT, 1), e.submit(T.FLUSH, 0, 0, 0)],
    results: [0, E.NOT_OFFERED],
  },
  {
    what: "has no discard any more",
    disk: { features: [F.DISCARD] },
    change: (e) => offerOnly(e, []),
    send: (e) => [e.submit(T.IN, 1), e.submitRanges(T.DISCARD, [[0, 1]], 4096)],
    results: [0, E.NOT_OFFERED],
  },
  {
    what: "is smaller",
    change: (e) => e.machine.disk().resize(100),
    send: (e) => [e.submit(T.IN, 99), e.submit(T.IN, 100), e.submit(T.OUT, 99, 0, 1024)],
    results: [0, E.RANGE, E.RANGE],
  },
  {
    what: "has a larger block size",
    change: (e) => (e.machine.disk().faults.onRead = (at, v) => (at === 0x114 ? 4096 : v)),
    send: (e) => [e.submit(T.IN, 8, 0, 4096), e.submit(T.IN, 1)],
    results: [0, E.ALIGN],
  },
  {
    what: "has a smaller queue",
    disk: { queueSizeMax: 64 },
    change: (e) => (e.machine.disk().queueSizeMax = 16),
    send: (e) => Array.from({ length: 6 }, (_, i) => e.submit(T.IN, i)),
    results: [0, 0, 0, 0, E.QUEUE, E.QUEUE],
  },
  {
    what: "has no indirect descriptors any more",
    disk: { features: [F.INDIRECT_DESC], queueSizeMax: 16 },
    change: (e) => offerOnly(e, []),
    send: (e) => Array.from({ length: 6 }, (_, i) => e.submit(T.IN, i)),
    results: [0, 0, 0, 0, E.QUEUE, E.QUEUE],
  },
];

for (const version of VERSIONS) {
  const name = `recovery, version ${version}`;

  for (const { what, disk, change, send, results } of VANISHING) {
    test(`${name}: a device that ${what} after a reset is used as it is`, () => {
      const embedder = new Embedder({ features: [F.FLUSH, F.BLK_SIZE], ...disk, version });
      const { faults } = embedder.machine.disk();
      faults.isHolding = true;
      const handles = send(embedder);
      faults.onReset = () => {
        faults.isHolding = false;
        faults.onReset = undefined;
        change(embedder);
      };
      embedder.machine.disk().breakDown();
      assert.deepEqual(
        handles.map((handle) => embedder.finish(handle)),
        results,
      );
      for (let lba = 0; lba < 80; lba += 8) {
        assert.equal(embedder.transfer(T.IN, lba, 0, 4096), 0);
      }
      const { handles: all } = saturate(embedder);
      for (const handle of all) assert.equal(embedder.finish(handle), 0);
      assert.equal(embedder.machine.disk().resetCount, 2);
    });
  }

  test(`${name}: a device that cannot be initialised any more is dead`, () => {
    const embedder = new Embedder({ version });
    const { machine } = embedder;
    machine.disk().faults.onRead = (at, value) => (at === 0x034 ? 0 : value);
    machine.disk().faults.requestsUntilBroken = 1;
    assert.equal(embedder.transfer(T.IN, 3), E.QUEUE);
    machine.disk().faults.onRead = undefined;
    comesBack(embedder);
  });

  test(`${name}: a list is sent again as a list, and refused where it does not fit`, () => {
    for (const isLess of [false, true]) {
      const embedder = new Embedder({ version, features: [F.INDIRECT_DESC] });
      const disk = embedder.machine.disk();
      disk.store.place(5, marked(5, 2));
      const pieces = [512, 200, 200, 112].map((length, i) => [4096 * (i + 1), length] as const);
      disk.faults.isHolding = true;
      const handle = embedder.submitList(T.IN, 5, pieces);
      disk.faults.isHolding = false;
      if (isLess) offerOnly(embedder, []);
      disk.breakDown();
      assert.equal(embedder.finish(handle), isLess ? E.ALIGN : 0);
      if (isLess) continue;
      const read = Buffer.concat(pieces.map(([at, length]) => embedder.data(at, length)));
      assert.deepEqual(read, marked(5, 2));
    }
  });

  test(`${name}: requests are refused as busy while the disk is being reset`, () => {
    const embedder = new Embedder({ version });
    const { faults } = embedder.machine.disk();
    faults.requestsUntilBroken = 1;
    faults.resetReads = 10;
    const handle = embedder.submit(T.IN, 1);
    while (embedder.machine.disk().status.has(Status.DRIVER_OK)) {
      embedder.poll(handle);
      if (embedder.machine.disk().status.read(() => assert.fail()) === 0) break;
      embedder.settle();
      if (embedder.submit(T.IN, 2, 4096) === E.BUSY) break;
    }
    assert.equal(embedder.submit(T.IN, 2, 4096), E.BUSY);
    assert.equal(embedder.finish(handle), 0);
  });

  test(`${name}: commands during a reset wait for it, or say what is wrong`, () => {
    const features = [F.CONFIG_WCE, F.FLUSH, F.LIFETIME];
    const embedder = new Embedder({ version, features });
    const { machine } = embedder;
    for (const command of ["blkinfo", "cache", "serial", "dd read 0", "flush", "blkdevs"]) {
      machine.disk().faults.resetReads = 30;
      machine.disk().breakDown();
      machine.step();
      machine.send(command);
    }
    machine.disk().faults.resetReads = Infinity;
    machine.send("reset");
    for (const command of ["blkinfo", "cache", "serial", "dd read 0", "flush", "blkdevs"]) {
      assert.match(machine.send(command), /vda/);
    }
    assert.deepEqual(machine.violations, []);
  });

  test(`${name}: a resize is seen, in flight and at idle, and a line says so`, () => {
    const embedder = new Embedder({ version, sectorCount: 64 });
    const { machine } = embedder;
    machine.disk().resize(4096);
    machine.console.mark();
    machine.idle(0.1 * SECOND_NS);
    assert.match(machine.console.fresh, /vda: capacity is now 4096 sectors/);
    assert.equal(machine.exports.blkCapacity(0), 4096n);
    machine.disk().faults.isHolding = true;
    const handle = embedder.submit(T.IN, 4000);
    machine.disk().resize(128);
    for (let polls = 0; polls < 300; polls++) embedder.poll(handle);
    assert.equal(machine.exports.blkCapacity(0), 128n);
    machine.disk().faults.isHolding = false;
    machine.disk().engine.releaseAll();
    assert.equal(embedder.finish(handle), E.IO);
    assert.equal(embedder.submit(T.IN, 128), E.RANGE);
  });
}

function saturate(embedder: Embedder): { handles: number[] } {
  embedder.machine.disk().faults.isHolding = true;
  const handles: number[] = [];
  for (;;) {
    const handle = embedder.submit(T.IN, 8, 0, 4096);
    if (handle < 0) break;
    handles.push(handle);
  }
  embedder.settle();
  embedder.machine.disk().faults.isHolding = false;
  embedder.machine.disk().engine.releaseAll();
  return { handles };
}
