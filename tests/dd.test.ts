/** dd, cmp, fill, crc on the device model: what ends up where, in flight, in error, at Ctrl-C. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench, SECTOR_BYTES, patternBytes, randomBytes } from "./copies.js";
import { crc32c } from "./machine/crc32c.js";
import { startingIn } from "./machine/faults.js";

const OUT = 1;
const FLUSH = 4;
const SECTORS = 4096;
const TWO_DISKS = [{ sectorCount: SECTORS }, { sectorCount: SECTORS, blkSize: 4096 }];

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

for (const [operands, from, to, length] of [
  ["bs=64K", 0, 0, SECTORS * 512],
  ["bs=512 count=100 skip=3 seek=5", 1536, 2560, 51200],
  ["bs=1000 count=77 iseek=3 oseek=7", 3000, 7000, 77000],
  [
    "bs=4k count=3333 skip=777 seek=12345 iflag=skip_bytes,count_bytes oflag=seek_bytes",
    777,
    12345,
    3333,
  ],
  ["bs=1M count=1 conv=fsync,notrunc", 0, 0, 1 << 20],
  ["bs=2x3b count=4", 0, 0, 4 * 3072],
  ["bs=1kB count=2w", 0, 0, 4000],
  ["count=0", 0, 0, 0],
] as const) {
  test(`dd: ${operands} copies just these bytes between disks`, () => {
    const bench = new Bench(TWO_DISKS);
    const output = bench.run(`dd if=vda of=vdb ${operands}`);
    assert.match(output, new RegExp(`^${length} bytes .*copied, [0-9.]+ s, .*B/s$`, "m"));
    bench.shadows[0]!.copy(bench.shadows[1]!, to, from, from + length);
    bench.check(operands);
  });
}

test("dd: a copy within a disk to a lower place that overlaps is right in any order", () => {
  const bench = new Bench([{ sectorCount: SECTORS, blkSize: 4096 }]);
  const { faults } = bench.machine.disk();
  let count = 0;
  faults.onRequest(() => count++ % 3 === 0, { delayNs: 90_000 });
  assert.match(bench.run("dd if=vda of=vda bs=4K skip=3 seek=1 count=400"), /^400\+0 records out/m);
  Buffer.from(bench.shadows[0]!).copy(bench.shadows[0]!, 4096, 3 * 4096, 403 * 4096);
  bench.check("down");
});

test("dd: a copy within a disk that would overwrite its own source is refused", () => {
  const bench = new Bench([{ sectorCount: SECTORS }]);
  const refusal = /the copy would overwrite what it has yet to read/;
  assert.match(bench.run("dd if=vda of=vda bs=4K seek=1 count=2"), refusal);
  assert.match(bench.run("dd if=vda of=vda bs=4K seek=2 count=2"), /^2\+0 records out/m);
  bench.shadows[0]!.copy(bench.shadows[0]!, 8192, 0, 8192);
  bench.check("up");
});

test("dd: what has come back out of order is written where it belongs", () => {
  const bench = new Bench(TWO_DISKS);
  let count = 0;
  bench.machine.disk(0).faults.onRequest(() => count++ % 2 === 0, { delayNs: 200_000 });
  bench.run("dd if=vda of=vdb bs=16K");
  bench.shadows[0]!.copy(bench.shadows[1]!);
  bench.check("out of order");
});

test("dd: at least eight requests are in flight, reads and then writes", () => {
  const bench = new Bench(TWO_DISKS);
  const [first, second] = bench.machine.disks;
  first!.faults.isHolding = true;
  second!.faults.isHolding = true;
  bench.start("dd if=vda of=vdb bs=64K", 60);
  assert.ok(first!.engine.held.length >= 8, `${first!.engine.held.length} reads`);
  first!.engine.releaseAll();
  for (let i = 0; i < 60; i++) bench.machine.step();
  assert.ok(second!.engine.held.length >= 8, `${second!.engine.held.length} writes`);
  first!.faults.isHolding = false;
  second!.faults.isHolding = false;
  first!.engine.releaseAll();
  second!.engine.releaseAll();
  bench.machine.run();
  bench.shadows[0]!.copy(bench.shadows[1]!);
  bench.check("held");
});

test("dd: pattern marks each sector with its own number and the seed", () => {
  const bench = new Bench(TWO_DISKS);
  bench.run("dd if=pattern:7 of=vdb seek=9 count=100");
  patternBytes(7, 9, 100).copy(bench.shadows[1]!, 9 * SECTOR_BYTES);
  bench.check("pattern");
});

test("dd: random is the sequence of its seed at any place", () => {
  const bench = new Bench(TWO_DISKS);
  bench.run("dd if=random:42 of=vda bs=1 count=5001 skip=3 seek=777");
  randomBytes(42, 3, 5001).copy(bench.shadows[0]!, 777);
  bench.check("random");
});

test("dd: crc is the CRC32C of the stream, and so is the command crc", () => {
  const bench = new Bench(TWO_DISKS);
  const whole = hex(crc32c(0, bench.shadows[0]!));
  assert.match(bench.run("dd if=vda of=crc bs=3000"), new RegExp(`^crc32c 0x${whole}$`, "m"));
  const part = hex(crc32c(0, bench.shadows[1]!.subarray(512 * 7, 512 * 12)));
  assert.match(bench.run("crc 7 5 vdb"), new RegExp(`^crc32c 0x${part}$`, "m"));
});

test("crc: a host that lends no checksum gets the same from the module", () => {
  const bench = new Bench([{ sectorCount: 64 }], { lendsChecksum: false });
  const whole = hex(crc32c(0, bench.shadows[0]!));
  assert.match(bench.run("crc 0 64"), new RegExp(`^crc32c 0x${whole}$`, "m"));
});

test("dd: the destination that is full ends the copy with an error after what fits", () => {
  const bench = new Bench([{ sectorCount: 64 }]);
  const output = bench.run("dd if=zero of=vda bs=4096 seek=2");
  assert.match(output, /^dd: write at sector 64 on vda: past the end of the disk$/m);
  assert.match(output, /^6\+0 records out$/m);
  bench.shadows[0]!.fill(0, 8192);
  bench.check("full");
});

test("dd: conv=fsync ends with one flush of the destination, and nothing else flushes", () => {
  const bench = new Bench(TWO_DISKS);
  bench.run("dd if=vda of=vdb bs=64K count=2");
  assert.ok(bench.machine.disk(1).store.unflushed.length > 0);
  bench.run("dd if=vda of=vdb bs=64K count=2 conv=fsync");
  assert.equal(bench.machine.disk(1).store.unflushed.length, 0);
  bench.machine.disk(1).faults.onRequest(({ type }) => type === FLUSH, { status: 1 });
  assert.match(
    bench.run("dd if=vda of=vdb count=1 conv=fsync"),
    /^dd: flush of vdb: device reported an I\/O error$/m,
  );
});

test("dd: a read error ends the copy, and says where", () => {
  const bench = new Bench(TWO_DISKS);
  bench.machine.disk(0).faults.onRequest(startingIn(24, 24), { status: 1 });
  const output = bench.run("dd if=vda of=vdb bs=4K count=10");
  assert.match(output, /^dd: read at sector 24 on vda: device reported an I\/O error$/m);
  assert.match(output, /^3\+0 records in\n3\+0 records out\n12288 bytes/m);
});

test("dd: noerror goes on and leaves the place alone; with sync zeros are there", () => {
  for (const sync of [false, true]) {
    const bench = new Bench(TWO_DISKS);
    bench.machine.disk(0).faults.onRequest(startingIn(24, 24), { status: 1 });
    const output = bench.run(`dd if=vda of=vdb bs=4K count=10 conv=noerror${sync ? ",sync" : ""}`);
    assert.match(output, /^dd: read at sector 24 on vda: device reported an I\/O error$/m);
    assert.match(output, sync ? /^9\+1 records in\n10\+0 records out/m : /^9\+0 records in\n9\+0/m);
    const [from, to] = [bench.shadows[0]!, bench.shadows[1]!];
    from.copy(to, 0, 0, 3 * 4096);
    if (sync) to.fill(0, 3 * 4096, 4 * 4096);
    from.copy(to, 4 * 4096, 4 * 4096, 10 * 4096);
    bench.check(`sync ${sync}`);
  }
});

test("dd: sync fills the last record up with zeros", () => {
  const bench = new Bench(TWO_DISKS);
  const output = bench.run("dd if=vda of=vdb bs=4K count=5000 iflag=count_bytes conv=sync");
  assert.match(output, /^1\+1 records in\n2\+0 records out\n8192 bytes/m);
  bench.shadows[0]!.copy(bench.shadows[1]!, 0, 0, 5000);
  bench.shadows[1]!.fill(0, 5000, 8192);
  bench.check("sync");
});

test("dd: a write error ends the copy, and says where", () => {
  const bench = new Bench(TWO_DISKS);
  const matches = startingIn(80, 80);
  bench.machine.disk(1).faults.onRequest((r) => r.type === OUT && matches(r), { status: 1 });
  const output = bench.run("dd if=vda of=vdb bs=4K count=100");
  assert.match(output, /^dd: write at sector 80 on vdb: device reported an I\/O error$/m);
  assert.match(output, /^10\+0 records out$/m);
});

test("dd: Ctrl-C stops a copy, says how far it came, and the disks work on", () => {
  const bench = new Bench(TWO_DISKS);
  bench.start("dd if=vda of=vdb bs=4K", 40);
  const output = bench.interrupt();
  const bytes = Number(/^dd: interrupted after (\d+) bytes$/m.exec(output)?.[1]);
  assert.ok(bytes > 0 && bytes < SECTORS * 512, `${bytes}`);
  assert.match(output, new RegExp(`^${bytes / 4096}\\+0 records out$`, "m"));
  const found = bench.content(1).subarray(0, bytes);
  assert.deepEqual(found, bench.shadows[0]!.subarray(0, bytes));
  assert.match(bench.run("dd if=vda of=vdb bs=64K"), /^32\+0 records out$/m);
});

test("dd: an endless copy to nowhere is ended by Ctrl-C, with a progress line before", () => {
  const bench = new Bench(TWO_DISKS);
  bench.start("dd if=zero of=null bs=1M", 3000);
  assert.match(bench.machine.console.text, /\r\d+ bytes \(.*\) copied, \d+ s, .*B\/s/);
  assert.match(bench.interrupt(), /interrupted after \d+ bytes/);
});

test("dd: status says how much is printed", () => {
  const bench = new Bench(TWO_DISKS);
  assert.equal(bench.run("dd if=vda of=vdb count=1 status=none"), "");
  assert.equal(
    bench.run("dd if=vda of=vdb count=1 status=noxfer"),
    "1+0 records in\n1+0 records out\n",
  );
});

test("cmp: finds the first of several differences, wherever pieces end", () => {
  const bench = new Bench([{ sectorCount: SECTORS }, { sectorCount: SECTORS }]);
  const content = bench.shadows[0]!;
  const { store } = bench.machine.disk(1);
  for (const at of [0, 31, 196607, 196608, 1_000_001, SECTORS * 512 - 1]) {
    const other = Buffer.from(content);
    other[at] = content[at]! ^ 1;
    other[SECTORS * 512 - 1]! ^= 1;
    store.place(0, other);
    const place = `byte ${at}, in sector ${Math.floor(at / 512)},`;
    if (at < SECTORS * 512 - 1) assert.match(bench.run("cmp vda vdb"), new RegExp(place));
  }
  store.place(0, content);
  assert.equal(bench.run("cmp vda vdb"), "vda vdb are the same, 2097152 bytes\n");
});

test("cmp: the end of the shorter one and an error of either are told", () => {
  const bench = new Bench([{ sectorCount: 64 }, { sectorCount: 65 }]);
  bench.machine.disk(1).store.place(0, bench.shadows[0]!);
  assert.equal(bench.run("cmp vda vdb"), "cmp: vda ends after 32768 bytes that are the same\n");
  bench.machine.disk(1).faults.onRequest(startingIn(0, 64), { status: 1 });
  assert.match(bench.run("cmp vda vdb"), /^cmp: read at sector 0 on vdb: device reported/);
});

test("fill: asks, and only yes overwrites the sectors", () => {
  const bench = new Bench([{ sectorCount: 64 }]);
  const question = "The contents of 4 sectors from 3 on, vda, are lost. Type yes to go on: ";
  assert.ok(bench.machine.type("fill 0xab 3 4\r").endsWith(question));
  assert.match(bench.run("no"), /fill: not done/);
  bench.check("not done");
  bench.machine.type("fill 0xab 3 4\r");
  assert.match(bench.run("yes"), /^2048 bytes .*written, /m);
  bench.shadows[0]!.fill(0xab, 3 * 512, 7 * 512);
  bench.check("filled");
});
