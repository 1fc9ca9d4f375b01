/** StateFS without power cuts: against a plain map, at its limits, damaged, and refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "./machine/crc32c.js";
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import { F, T } from "./machine/spec.js";
import { ofType, startingIn } from "./machine/faults.js";
import { type Contents, Store, describe, sorted } from "./statefs_store.js";

const SEED = Number(process.env["SEED"] ?? 20_260_401);
const SECOND_SUPERBLOCK = 128;
const FIRST_RECORD = 256;

function mounted(disk: DiskOptions = {}, mode: "immediate" | "deferred" = "immediate"): Store {
  const store = new Store(disk, mode);
  store.format();
  store.good("statefs mount");
  return store;
}

/** Changes a byte that is on the disk. */
function flip(store: Store, sector: number, byte: number): void {
  const content = store.machine.disk().store.read(sector, 1);
  content[byte]! ^= 0x40;
  store.machine.disk().store.place(sector, content);
}

interface Walk {
  readonly store: Store;
  readonly random: Prng;
  readonly model: Contents;
  /** What the store may hold after a cut: as of the last sync, and after each change since. */
  snapshots: Contents[];
}

function randomPut(walk: Walk, step: number): void {
  const { random, store, model } = walk;
  const key = `k/${random.below(12)}${"x".repeat(random.below(3) * 100)}`;
  const size = random.below(8) === 0 ? random.below(60_000) : random.below(1500);
  const text = `v${step}.`;
  const output = store.run(`statefs put ${key} ${text} ${size}`);
  if (output.includes("no space left")) return;
  assert.match(output, /stable after sync/);
  model.set(key, describe(text, size));
}

function randomRemove({ random, store, model }: Walk): void {
  const key = [...model.keys()][random.below(model.size + 1)] ?? "none";
  const output = store.run(`statefs rm ${key}`);
  assert.match(output, model.delete(key) ? /removed/ : /no such key/);
}

function cutPower(walk: Walk): void {
  const { random, store } = walk;
  const keeps = random.below(3);
  store.machine.disk().store.crash(() => keeps === 0 || (keeps === 1 && random.below(2) === 0));
  store.good("statefs mount");
  const found = store.verified();
  const isKnown = walk.snapshots.some(
    (snapshot) => JSON.stringify(sorted(snapshot)) === JSON.stringify(sorted(found)),
  );
  assert.ok(isKnown, "what is found is no state since the last sync");
  walk.model.clear();
  for (const [key, value] of found) walk.model.set(key, value);
}

function takeStep(walk: Walk, step: number): void {
  const { random, store, model } = walk;
  const choice = random.below(20);
  if (choice < 9) randomPut(walk, step);
  else if (choice < 13) randomRemove(walk);
  else if (choice < 15) store.good("statefs sync");
  else if (choice === 15) store.good("statefs compact");
  else if (choice === 16) store.good("statefs mount");
  else if (choice === 17) cutPower(walk);
  else assert.deepEqual(sorted(store.verified()), sorted(model));
  const isStable = choice >= 13 && choice <= 17 && choice !== 16;
  if (isStable) walk.snapshots = [];
  walk.snapshots.push(new Map(model));
}

for (const blkSize of [512, 4096]) {
  for (const mode of ["immediate", "deferred"] as const) {
    test(`statefs: random operations agree with a map, ${blkSize}-byte blocks, ${mode}`, () => {
      const store = mounted({ blkSize, sectorCount: 1400 }, mode);
      const random = new Prng(SEED + blkSize);
      const walk: Walk = { store, random, model: new Map(), snapshots: [new Map()] };
      for (let step = 0; step < 300; step++) {
        try {
          takeStep(walk, step);
        } catch (error) {
          throw new Error(`SEED=${SEED}, step ${step}`, { cause: error });
        }
      }
    });
  }
}

test("statefs: the sum of a value is CRC32C", () => {
  const store = mounted();
  store.good("statefs put check 123456789");
  assert.equal(store.list().get("check"), "9 e3069283");
});

test("statefs: values of every length around a unit come back", () => {
  for (const blkSize of [512, 4096]) {
    const store = mounted({ blkSize, sectorCount: 4096 });
    const expected: Contents = new Map();
    for (const around of [0, 440, blkSize, 2 * blkSize, 3 * blkSize - 70]) {
      for (let size = Math.max(0, around - 2); size < around + 3; size++) {
        store.put(`length ${size}`, "abcdefg", size, expected);
      }
    }
    assert.deepEqual(sorted(store.verified()), sorted(expected));
    store.good("statefs mount");
    assert.deepEqual(sorted(store.verified()), sorted(expected));
  }
});

test("statefs: a value of 1 MiB comes back, one byte more is refused", () => {
  const store = mounted({ sectorCount: 8192 });
  store.put("large", "0123456789", 1 << 20);
  assert.equal(store.verified().get("large"), describe("0123456789", 1 << 20));
  assert.match(store.run("statefs get large"), /and 1047552 more bytes/);
  assert.match(
    store.run(`statefs put large x ${(1 << 20) + 1}`),
    /statefs: size 1048577: at most 1048576/,
  );
});

test("statefs: get shows text, and says of other bytes what they are", () => {
  const store = mounted();
  store.good("statefs put text größe");
  assert.equal(store.run("statefs get text"), "größe\n");
  store.good("statefs put zeros '' 3");
  assert.match(store.run("statefs get zeros"), /^3 bytes, not text, CRC32C [0-9a-f]{8}$/m);
});

test("statefs: keys that are none are refused", () => {
  const store = mounted();
  const refusal = /a key has 1 to 255 bytes of UTF-8 without control characters/;
  assert.match(store.run(`statefs put '' x`), refusal);
  assert.match(store.run(`statefs put ${"k".repeat(256)} x`), refusal);
  assert.match(store.run(`statefs get \xc2\x9b`), refusal);
  store.put("k".repeat(255), "x", 1);
  assert.equal(store.list().size, 1);
});

test("statefs: two keys of the same hash are two keys, also after a mount", () => {
  // Both have the CRC32C d8cd0487
  const [one, other] = collidingKeys();
  const store = mounted();
  const model: Contents = new Map();
  store.put(one, "one", 3, model);
  store.put(other, "other", 5, model);
  store.good("statefs mount");
  assert.deepEqual(sorted(store.verified()), sorted(model));
  store.put(one, "changed", 7, model);
  store.good(`statefs rm ${other}`);
  model.delete(other);
  store.good("statefs mount");
  assert.deepEqual(sorted(store.verified()), sorted(model));
});

function collidingKeys(): [string, string] {
  const seen = new Map<string, string>();
  const random = new Prng(1);
  for (;;) {
    const key = random.next().toString(36) + random.next().toString(36);
    const sum = describe(key, key.length);
    const other = seen.get(sum);
    if (other !== undefined && other !== key) return [other, key];
    seen.set(sum, key);
  }
}

test("statefs: thousands of keys, and no more than there is room for in memory", () => {
  const store = mounted({ sectorCount: 32768 });
  for (let i = 0; i < 8192; i++) store.run(`statefs put many/${i} ${i}`);
  assert.match(store.run("statefs put many/8192 x"), /no room for another key/);
  assert.match(store.run("statefs put many/7 x"), /stable/);
  store.good("statefs sync");
  assert.match(store.good("statefs mount"), /mounted, 8192 keys/);
  assert.equal(store.run("statefs get many/8191"), "8191\n");
  for (let i = 0; i < 8192; i += 3) store.run(`statefs rm many/${i}`);
  assert.equal(store.list().size, 8192 - 2731);
  assert.equal(store.run("statefs get many/8189"), "8189\n");
  assert.match(store.run("statefs put many/8192 x"), /stable/);
});

test("statefs: a full store refuses to put, loses nothing, and can be emptied", () => {
  const store = mounted({ sectorCount: 700 });
  const model: Contents = new Map();
  let output = "";
  for (let i = 0; !output.includes("no space left"); i++) {
    output = store.run(`statefs put full/${i} ${i} 4000`);
    if (output.includes("stable")) model.set(`full/${i}`, describe(String(i), 4000));
  }
  assert.ok(model.size > 20, `${model.size} keys`);
  // Down to the last unit
  for (let i = 0; store.run(`statefs put small/${i} x`).includes("stable"); i++) {
    model.set(`small/${i}`, describe("x", 1));
  }
  assert.deepEqual(sorted(store.verified()), sorted(model));
  for (const key of model.keys()) store.good(`statefs rm ${key}`);
  assert.equal(store.verified().size, 0);
  store.put("again", "x", 4000);
});

test("statefs: what is not in use any more is made room of without being asked", () => {
  const store = mounted({ sectorCount: 700 });
  for (let i = 0; i < 200; i++) store.put("same", `v${i}`, 4000);
  assert.equal(store.verified().get("same"), describe("v199", 4000));
  assert.match(store.run("statefs info"), /epoch [2-9]/);
});

test("statefs: a volume in a range changes nothing outside it", () => {
  const store = new Store({ sectorCount: 4096 });
  const { store: sectors } = store.machine.disk();
  sectors.place(0, new Uint8Array(4096 * 512).fill(0xaa));
  store.format("vda 1000 1000");
  store.good("statefs mount vda 1000");
  for (let i = 0; i < 60; i++) store.put(`k${i % 3}`, "x", 30_000);
  store.good("statefs sync");
  const image = store.image;
  assert.ok(image.subarray(0, 1000 * 512).every((byte) => byte === 0xaa));
  assert.ok(image.subarray(2000 * 512).every((byte) => byte === 0xaa));
  sectors.place(96, image.subarray(1000 * 512, 2000 * 512));
  assert.match(store.good("statefs mount vda 96"), /mounted, 3 keys/);
});

test("statefs: a damaged value is reported with its place, and the rest stays readable", () => {
  const store = mounted();
  store.put("before", "b", 10);
  store.put("damaged", "d", 1000);
  store.put("behind", "x", 10);
  store.good("statefs sync");
  flip(store, FIRST_RECORD + 2, 100);
  store.good("statefs mount");
  const place = `sector ${FIRST_RECORD + 1}`;
  assert.match(
    store.run("statefs get damaged"),
    new RegExp(`^statefs: get damaged: record at ${place}: data is corrupt$`, "m"),
  );
  const checked = store.run("statefs check");
  assert.match(checked, new RegExp(`^damaged: the value of damaged at ${place}$`, "m"));
  assert.match(checked, /2 keys, 20 bytes verified, 1 damaged/);
  assert.equal(store.run("statefs get behind"), `${"x".repeat(10)}\n`);
  store.good("statefs compact");
  assert.match(store.run("statefs get damaged"), /data is corrupt/);
  store.put("damaged", "new", 5);
  store.verified();
});

test("statefs: a damaged header is reported with its place, and the rest stays readable", () => {
  const store = mounted();
  store.put("before", "b", 10);
  store.put("damaged", "d", 1000);
  store.put("behind", "x", 10);
  store.good("statefs sync");
  flip(store, FIRST_RECORD + 1, 70);
  const mounting = store.run("statefs mount");
  assert.match(mounting, new RegExp(`^damaged: a record at sector ${FIRST_RECORD + 1}$`, "m"));
  assert.match(mounting, /mounted, 2 keys, 1 damaged/);
  assert.deepEqual([...store.list().keys()], ["before", "behind"]);
  assert.match(store.run("statefs check"), /2 keys, 20 bytes verified, 1 damaged/);
  const compacting = store.run("statefs compact");
  assert.match(compacting, new RegExp(`^damaged: a record at sector ${FIRST_RECORD + 1}$`, "m"));
  assert.equal(store.verified().size, 2);
});

test("statefs: damage before the last record of a key leaves it one key", () => {
  const store = mounted();
  for (const value of ["one", "two", "three"]) store.good(`statefs put key ${value}`);
  store.good("statefs put gone x; statefs put gone y; statefs rm gone; statefs sync");
  flip(store, FIRST_RECORD + 1, 65);
  flip(store, FIRST_RECORD + 4, 65);
  assert.match(store.run("statefs mount"), /mounted, 1 key, 2 damaged/);
  assert.equal(store.run("statefs get key"), "three\n");
  assert.equal(store.list().size, 1);
});

/** Changes the header of a record, which gets a sum that is right for it. */
function forgeRecord(store: Store, sector: number, change: (header: DataView) => void): void {
  const block = store.machine.disk().store.read(sector, 1);
  const header = new DataView(block.buffer, block.byteOffset);
  change(header);
  const end = 64 + header.getUint16(48, true);
  header.setUint32(4, crc32c(0, block.subarray(8, end)), true);
  store.machine.disk().store.place(sector, block);
}

const addTo = (byte: number, by: number) => (header: DataView) =>
  header.setUint32(byte, header.getUint32(byte, true) + by, true);

/** Each makes a sound record one that cannot be at its place in the log. */
const MISPLACED_RECORDS: [string, (header: DataView) => void][] = [
  ["of another volume", addTo(8, 1)],
  ["with the sequence number of the one before", addTo(16, -1)],
  ["of a generation before the one before", addTo(24, -1)],
  ["of another epoch", addTo(28, 1)],
  ["written for another place", addTo(32, 1)],
  ["longer than what is stable", addTo(40, 4096)],
  ["that removes and has a value", (header) => header.setUint8(50, 2)],
  ["of an unknown kind", (header) => header.setUint8(50, 3)],
  ["without a key", (header) => header.setUint16(48, 0, true)],
  ["whose generation cannot be counted on", (header) => header.setUint32(24, 0x7fff_ffff, true)],
];

for (const [what, change] of MISPLACED_RECORDS) {
  test(`statefs: a record ${what} is damage, and the next one is not`, () => {
    const store = mounted();
    for (const key of ["before", "forged", "behind"]) store.put(key, key, 10);
    store.good("statefs sync");
    const sector = FIRST_RECORD + 1;
    forgeRecord(store, sector, () => undefined);
    assert.match(store.run("statefs mount"), /mounted, 3 keys/);
    forgeRecord(store, sector, change);
    const mounting = store.run("statefs mount");
    assert.match(mounting, new RegExp(`^damaged: a record at sector ${sector}$`, "m"));
    assert.match(mounting, /mounted, 2 keys, 1 damaged/);
    assert.deepEqual([...store.list().keys()], ["before", "behind"]);
  });
}

test("statefs: a sector that cannot be read hides no other record", () => {
  const store = mounted();
  for (const key of ["before", "bad", "behind"]) store.put(key, key, 10);
  store.good("statefs sync");
  const bad = FIRST_RECORD + 1;
  store.machine.disk().faults.onRequest(
    ({ type, sector, dataIn }) => {
      const sectors = dataIn.reduce((sum, part) => sum + part.lengthBytes, 0) / 512;
      return type === T.IN && sector <= bad && sector + sectors > bad;
    },
    { status: 1 },
  );
  assert.match(
    store.run("statefs mount"),
    new RegExp(`a record at sector ${FIRST_RECORD + 1}$`, "m"),
  );
  assert.equal(store.run("statefs get behind"), "behindbehi\n");
});

test("statefs: one damaged superblock is reported, and the other one will do", () => {
  for (const sector of [0, SECOND_SUPERBLOCK]) {
    const store = mounted();
    const model: Contents = new Map();
    for (let i = 0; i < 5; i++) {
      store.put(`k${i}`, "x", 100, model);
      if (i % 2 === 0) store.good("statefs sync");
    }
    flip(store, sector, 20);
    const slot = sector === 0 ? 0 : 1;
    assert.match(
      store.run("statefs mount"),
      new RegExp(`^damaged: superblock ${slot}, data is corrupt$`, "m"),
    );
    assert.deepEqual(sorted(store.list()), sorted(model));
    assert.match(store.run("statefs check"), new RegExp(`superblock ${slot}`));
    store.good("statefs sync");
    store.good("statefs rm k0; statefs sync");
    store.verified();
  }
});

/** Makes a superblock say `value` at `byte`, with the right sum unless told otherwise. */
function forge(store: Store, byte: number, value: number): void {
  for (const sector of [0, SECOND_SUPERBLOCK]) {
    const block = store.machine.disk().store.read(sector, 1);
    const view = new DataView(block.buffer);
    view.setUint32(byte, value, true);
    const sum = crc32c(0, block.subarray(0, 508));
    view.setUint32(508, sum, true);
    store.machine.disk().store.place(sector, block);
  }
}

const REFUSED_SUPERBLOCKS: [string, number, number, RegExp][] = [
  ["of a newer version", 8, 2, /made by a newer version/],
  ["with units of no size", 12, 0, /data is corrupt/],
  ["with units of 1000 bytes", 12, 1000, /data is corrupt/],
  ["with units larger than any block", 12, 1 << 20, /data is corrupt/],
  ["with too few units", 32, 300, /data is corrupt/],
  ["longer than the disk", 32, 100_000, /past the end of the disk/],
  ["with more units than there are", 32, 0xffffffff, /past the end of the disk/],
  ["with a third half", 36, 2, /data is corrupt/],
  ["whose commits cannot be counted on", 28, 0x8000_0000, /data is corrupt/],
  ["whose epoch cannot be counted on", 40, 0xffff_ffff, /data is corrupt/],
  ["whose generation cannot be counted on", 44, 0x7fff_ffff, /data is corrupt/],
  ["whose records cannot be counted on", 60, 0xffff_ffff, /data is corrupt/],
  ["with more stable units than a half has", 48, 0xfffffff0, /data is corrupt/],
];

for (const [what, byte, value, refusal] of REFUSED_SUPERBLOCKS) {
  test(`statefs: a superblock ${what} is refused`, () => {
    const store = mounted();
    store.put("k", "x", 1);
    forge(store, byte, value);
    assert.match(store.run("statefs mount"), refusal);
    assert.match(store.run("statefs get k"), /no StateFS is mounted/);
  });
}

test("statefs: a disk without StateFS, or with both superblocks damaged, is refused", () => {
  const store = new Store();
  assert.match(store.run("statefs mount"), /statefs: mount: no StateFS here/);
  store.format();
  flip(store, 0, 60);
  flip(store, SECOND_SUPERBLOCK, 60);
  assert.match(store.run("statefs mount"), /statefs: mount: data is corrupt/);
  assert.match(store.run("statefs mount vda 2000"), /no StateFS here/);
  assert.match(store.run("statefs mount vda 3000"), /no StateFS here/);
});

test("statefs: any bytes at all in the log are survived", () => {
  const random = new Prng(SEED);
  const store = mounted();
  for (let i = 0; i < 20; i++) store.put(`k${i}`, "x", i * 50);
  store.good("statefs sync");
  const image = store.image;
  for (let round = 0; round < 100; round++) {
    const broken = image.slice();
    for (let i = 0; i < 1 + random.below(30); i++) {
      broken[FIRST_RECORD * 512 + random.below(60 * 512)] = random.below(256);
    }
    store.image = broken;
    assert.match(store.run("statefs mount"), /mounted, \d+ keys/);
    assert.match(store.run("statefs check"), /verified/);
    assert.match(store.run("statefs put new x; statefs compact"), /compacted/);
  }
});

test("statefs: a format makes an empty volume, whatever was there before", () => {
  const store = mounted();
  for (let i = 0; i < 10; i++) store.put(`k${i}`, "x", 100);
  store.good("statefs sync");
  store.format();
  assert.match(store.good("statefs mount"), /mounted, 0 keys, \d+ of/);
  store.put("k5", "new", 100);
  store.good("statefs sync; statefs mount");
  assert.deepEqual([...store.verified().keys()], ["k5"]);
});

test("statefs: a format at the same moment of another boot makes another volume", () => {
  const first = mounted();
  for (let i = 0; i < 10; i++) first.put(`k${i}`, "x", 100);
  first.good("statefs sync");
  const { image } = first;
  for (const sector of [0, SECOND_SUPERBLOCK]) image.fill(0, sector * 512, (sector + 1) * 512);
  const second = new Store();
  second.image = image;
  second.format();
  assert.match(second.good("statefs mount"), /mounted, 0 keys, \d+ of/);
  second.put("k0", "new", 100);
  second.good("statefs sync; statefs mount");
  assert.deepEqual([...second.verified().keys()], ["k0"]);
});

test("statefs: a format that is not confirmed changes nothing", () => {
  const store = mounted();
  store.put("k", "x", 1);
  const { image } = store;
  store.machine.type("statefs format\r");
  assert.match(store.run("no"), /statefs: not done/);
  assert.deepEqual(store.image, image);
  assert.equal(store.run("statefs get k"), "x\n");
});

test("statefs: ranges that cannot be formatted are refused before anything is asked", () => {
  const store = mounted({ blkSize: 4096 });
  assert.match(store.run("statefs format vda 0 300"), /statefs: format: too small/);
  assert.match(store.run("statefs format vda 8 2048"), /past the end of the disk/);
  assert.match(store.run("statefs format vda 4 1600"), /not aligned/);
  assert.match(store.run("statefs format vda 8"), /wrong number of operands/);
  assert.match(store.run("statefs ls"), /0 keys/);
});

test("statefs: a disk whose blocks are larger than the units is refused", () => {
  const store = mounted();
  store.put("k", "x", 1);
  store.good("statefs sync");
  const large = new Store({ blkSize: 4096 });
  large.image = store.image;
  assert.match(large.run("statefs mount"), /not aligned to the block size/);
});

test("statefs: the unit is the physical block where that is larger", () => {
  const store = mounted({
    features: [F.BLK_SIZE, F.FLUSH, F.TOPOLOGY],
    limits: { physicalBlockExp: 3 },
  });
  assert.match(store.run("statefs info"), /units of 4096 bytes/);
});

test("statefs: a disk with a cache and no FLUSH gets no promise", () => {
  const features = [F.BLK_SIZE, F.CONFIG_WCE];
  const store = new Store({ features });
  const refusal = /the disk has a write cache and no FLUSH, so nothing can be promised/;
  assert.match(store.run("statefs format"), refusal);
  const source = mounted();
  source.put("k", "x", 1);
  source.good("statefs sync");
  store.image = source.image;
  store.good("statefs mount");
  assert.equal(store.run("statefs get k"), "x\n");
  for (const change of ["put k y", "rm k", "sync", "compact"]) {
    assert.match(store.run(`statefs ${change}`), refusal);
  }
  assert.match(store.run("statefs info"), /writable: +no, the disk has a write cache/);
  store.machine.disk().store.isWriteback = false;
  store.good("statefs put k y; statefs sync");
});

test("statefs: a disk whose writes are synchronous needs no FLUSH", () => {
  const store = new Store({ features: [F.BLK_SIZE] });
  store.machine.disk().store.isWriteback = false;
  store.format();
  store.good("statefs mount");
  store.put("k", "x", 1);
  store.good("statefs sync");
  store.machine.disk().store.crash();
  store.good("statefs mount");
  assert.equal(store.run("statefs get k"), "x\n");
});

test("statefs: a read-only disk can be mounted and read", () => {
  const source = mounted();
  source.put("k", "x", 1);
  source.good("statefs sync");
  const store = new Store({ isReadOnly: true });
  store.image = source.image;
  store.good("statefs mount");
  assert.equal(store.run("statefs get k"), "x\n");
  for (const change of ["put k y", "rm k", "sync", "compact", "format"]) {
    assert.match(store.run(`statefs ${change}`), /disk is read-only/);
  }
});

test("statefs: nothing works before a mount, and says so", () => {
  const store = new Store();
  for (const verb of ["info", "put k v", "get k", "ls", "rm k", "sync", "check", "compact"]) {
    assert.match(store.run(`statefs ${verb}`), /no StateFS is mounted/);
  }
});

test("statefs: what one boot has stored, the next one finds", () => {
  const first = mounted();
  const model: Contents = new Map();
  for (let i = 0; i < 20; i++) first.put(`boot/${i}`, `v${i}`, i * 100, model);
  first.good("statefs sync");
  const second = new Store();
  second.image = first.image;
  second.good("statefs mount");
  assert.deepEqual(sorted(second.verified()), sorted(model));
  assert.deepEqual([...second.list("boot/1").keys()].length, 11);
});

test("statefs: a FLUSH that fails ends all promises until the next mount", () => {
  const store = mounted();
  store.put("k", "old", 3);
  store.good("statefs sync");
  store.put("k", "new", 3);
  store.machine.disk().faults.onRequest(ofType(T.FLUSH), { status: 1 }, 1);
  assert.match(store.run("statefs sync"), /^statefs: sync: device reported an I\/O error$/m);
  const refusal = /a commit has failed, mount again to see what is stable/;
  for (const change of ["put k x", "rm k", "sync", "compact"]) {
    assert.match(store.run(`statefs ${change}`), refusal);
  }
  assert.equal(store.run("statefs get k"), "new\n");
  store.good("statefs mount");
  store.good("statefs sync");
  store.machine.disk().store.crash();
  store.good("statefs mount");
  assert.equal(store.run("statefs get k"), "new\n");
});

test("statefs: a put that failed does not come back after a sync, though the disk did it", () => {
  // The virtual clock makes both the same, up to the put that fails on one of them
  const [store, twin] = [mounted(), mounted()];
  for (const each of [store, twin]) {
    each.put("k", "old", 3);
    each.put("other", "x", 1);
    each.good("statefs sync");
  }
  twin.put("k", "new", 3);
  const place = FIRST_RECORD + 1;
  store.machine.disk().faults.onRequest(startingIn(place + 1, place + 1), { status: 1 }, 1);
  assert.match(store.run("statefs put k new 3"), /statefs: put k: device reported an I\/O error/);
  store.machine.disk().store.place(place + 1, twin.machine.disk().store.read(place + 1, 1));
  store.good("statefs sync");
  store.good("statefs mount");
  assert.equal(store.run("statefs get k"), "old\n");
});

test("statefs: after compaction either superblock alone leads to all there is", () => {
  for (const sector of [0, SECOND_SUPERBLOCK]) {
    const store = mounted();
    const model: Contents = new Map();
    for (let i = 0; i < 5; i++) store.put(`k${i}`, "x", 700, model);
    store.good("statefs rm k3");
    model.delete("k3");
    store.good("statefs compact");
    store.good("statefs put k4 y 10; statefs sync; statefs compact");
    model.set("k4", describe("y", 10));
    flip(store, sector, 20);
    store.run("statefs mount");
    assert.deepEqual(sorted(store.list()), sorted(model));
  }
});

/** Types a command and Ctrl-C as soon as `isTime` says so. */
function interrupt(store: Store, command: string, isTime: () => boolean): string {
  const { machine } = store;
  machine.console.mark();
  for (const byte of Buffer.from(`${command}\r`)) machine.receive(byte);
  for (let i = 0; i < 10_000 && !isTime(); i++) machine.step();
  machine.receive(3);
  machine.run();
  return machine.console.fresh;
}

test("statefs: a compaction that Ctrl-C ends changes nothing, then or later", () => {
  const store = mounted({ sectorCount: 4096 });
  const model: Contents = new Map();
  for (let i = 0; i < 80; i++) store.put(`k${i}`, `v${i}`, 4000, model);
  store.good("statefs sync");
  const { store: sectors } = store.machine.disk();
  const half = (4096 - FIRST_RECORD) / 2;
  const hasCopies = (): boolean => sectors.read(FIRST_RECORD + half, 1).some((byte) => byte !== 0);
  assert.match(interrupt(store, "statefs compact", hasCopies), /statefs: compact: interrupted/);
  assert.deepEqual(sorted(store.verified()), sorted(model));
  for (let i = 20; i < 80; i++) {
    store.good(`statefs rm k${i}`);
    model.delete(`k${i}`);
  }
  store.good("statefs compact");
  assert.doesNotMatch(store.good("statefs mount"), /discarded/);
  assert.deepEqual(sorted(store.verified()), sorted(model));
});

test("statefs: a compaction that Ctrl-C comes too late for ends well", () => {
  const store = mounted();
  store.put("k", "x", 100);
  store.good("statefs sync");
  const { store: sectors } = store.machine.disk();
  const before = [0, SECOND_SUPERBLOCK].map((sector) => sectors.read(sector, 1));
  const hasSwitched = (): boolean =>
    [0, SECOND_SUPERBLOCK].some((sector, i) => Buffer.compare(sectors.read(sector, 1), before[i]!));
  assert.match(interrupt(store, "statefs compact", hasSwitched), /vda: compacted/);
  assert.equal(store.verified().size, 1);
});

test("statefs: when the index cannot be built after a switch, nothing is mounted", () => {
  const store = mounted({ sectorCount: 4096 });
  store.put("k", "x", 100);
  store.good("statefs sync");
  const otherHalf = FIRST_RECORD + (4096 - FIRST_RECORD) / 2;
  const isThere = startingIn(otherHalf, otherHalf);
  store.machine
    .disk()
    .faults.onRequest((request) => request.type === T.IN && isThere(request), { status: 2 }, 1);
  assert.match(store.run("statefs compact"), /statefs: compact: device answered/);
  assert.match(store.run("statefs put k y"), /no StateFS is mounted/);
  store.good("statefs mount");
  assert.equal(store.verified().get("k"), describe("x", 100));
});

test("statefs: a put that Ctrl-C ends leaves the old value", () => {
  const store = mounted({ sectorCount: 16384 });
  store.put("k", "old", 1 << 20);
  store.good("statefs sync");
  store.good("statefs put other x");
  const { engine, faults } = store.machine.disk();
  faults.isHolding = true;
  // Everything is let through up to the first write, which Ctrl-C then comes between
  const isWriting = (): boolean => {
    const isNow = engine.held.some(({ type }) => type === T.OUT);
    if (isNow) faults.isHolding = false;
    engine.releaseAll();
    return isNow;
  };
  const output = interrupt(store, `statefs put k new ${1 << 20}`, isWriting);
  assert.match(output, /statefs: put k: interrupted/);
  assert.equal(store.verified().get("k"), describe("old", 1 << 20));
  store.good("statefs sync; statefs mount");
  assert.equal(store.verified().get("k"), describe("old", 1 << 20));
});

test("statefs: a mount says what it discards and why", () => {
  const store = mounted();
  store.put("kept", "x", 10);
  store.good("statefs sync");
  for (const key of ["short", "lost", "behind"]) store.put(key, "y", 600);
  const place = FIRST_RECORD + 1;
  store.machine.disk().store.crash((lba) => lba !== place + 1 && lba !== place + 2);
  const output = store.run("statefs mount");
  assert.match(
    output,
    new RegExp(`discarded: a record of short, cut short, at sector ${place}$`, "m"),
  );
  assert.match(
    output,
    new RegExp(
      `a record of behind, written behind one that was lost, at sector ${place + 4}$`,
      "m",
    ),
  );
  assert.match(output, /mounted, 1 key, 2 discarded/);
});

test("statefs: mistyped operations say how they are used", () => {
  const store = new Store();
  assert.match(store.run("statefs"), /missing operand; usage:\n  statefs format \[dev/);
  assert.match(store.run("statefs frob"), /unknown operation 'frob'; usage:/);
  assert.match(
    store.run("statefs get"),
    /^statefs: wrong number of operands; usage:\n  statefs get <key>\n$/,
  );
});
