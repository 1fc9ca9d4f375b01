/** dd and cmp on keys of a StateFS, on the device model: what a copy that fails leaves behind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench, patternBytes } from "./copies.js";
import { crc32c } from "./machine/crc32c.js";
import { ofType, startingIn } from "./machine/faults.js";

const IN = 0;
const OUT = 1;
const IOERR = 1;
const SECTORS = 8192;
const FIRST_RECORD = 256;
const OLD = "old value\n";

/** A machine with a mounted volume on vda, where `key` is "old value", and random bytes on vdb. */
function mounted(options = {}): Bench {
  const bench = new Bench([{ sectorCount: SECTORS }, { sectorCount: 4096 }], options);
  bench.machine.type("statefs format\r");
  bench.run("yes");
  assert.match(bench.run("statefs mount; statefs put key 'old value'; statefs sync"), /synced/);
  return bench;
}

function crcLine(bytes: Uint8Array): RegExp {
  return new RegExp(`^crc32c 0x${crc32c(0, bytes).toString(16).padStart(8, "0")}$`, "m");
}

for (const mode of ["immediate", "deferred"] as const) {
  test(`copies of values, ${mode}: lengths around a unit and a record come back`, () => {
    const bench = mounted({ mode });
    for (const length of [0, 1, 444, 445, 446, 511, 512, 513, 65_537, 1 << 20]) {
      bench.run(`dd if=pattern:3 of=statefs:v bs=${length + 1} count=${length} iflag=count_bytes`);
      const expected = patternBytes(3, 0, 2049).subarray(0, length);
      assert.match(bench.run("dd if=statefs:v of=crc bs=1000"), crcLine(expected), `${length}`);
      bench.run("dd if=statefs:v of=vdb bs=64k");
      assert.deepEqual(bench.content(1).subarray(0, length), Buffer.from(expected), `${length}`);
    }
  });
}

test("copies of values: a read that fails leaves the key as it was", () => {
  const bench = mounted();
  bench.machine.disk(1).faults.onRequest(startingIn(64, 71), { status: IOERR });
  const output = bench.run("dd if=vdb of=statefs:key bs=4k count=100");
  assert.match(output, /^dd: read at sector 64 on vdb: device reported an I\/O error$/m);
  assert.equal(bench.run("statefs get key"), OLD);
});

test("copies of values: what conv=noerror leaves out is zeros", () => {
  const bench = mounted();
  bench.machine.disk(1).faults.onRequest(startingIn(8, 15), { status: IOERR });
  bench.run("dd if=vdb of=statefs:key bs=4k count=3 conv=noerror");
  const expected = Buffer.from(bench.content(1).subarray(0, 3 * 4096)).fill(0, 4096, 8192);
  assert.match(bench.run("dd if=statefs:key of=crc"), crcLine(expected));
});

test("copies of values: Ctrl-C while the source is read leaves the key as it was", () => {
  const bench = mounted();
  const { faults, engine } = bench.machine.disk(1);
  faults.isHolding = true;
  bench.start("dd if=vdb of=statefs:key bs=4k count=100", 30);
  bench.machine.receive(3);
  bench.machine.console.mark();
  faults.isHolding = false;
  engine.releaseAll();
  bench.machine.run();
  assert.match(bench.machine.console.fresh, /dd: interrupted after \d+ bytes/);
  assert.equal(bench.run("statefs get key"), OLD);
});

for (const command of ["dd if=statefs:key of=null", "cmp vdb statefs:key"]) {
  test(`copies of values: Ctrl-C while '${command}' looks for its value ends it`, () => {
    const bench = mounted();
    const { faults, engine } = bench.machine.disk(0);
    faults.isHolding = true;
    bench.start(command, 400);
    assert.ok(engine.held.length > 0);
    bench.machine.receive(3);
    bench.machine.console.mark();
    faults.isHolding = false;
    engine.releaseAll();
    bench.machine.run();
    assert.match(bench.machine.console.fresh, /statefs:key: interrupted/);
    assert.equal(bench.run("statefs get key"), OLD);
  });
}

test("copies of values: Ctrl-C while the value is put leaves the key as it was", () => {
  const bench = mounted();
  const { faults, engine } = bench.machine.disk(0);
  faults.isHolding = true;
  bench.start("dd if=vdb of=statefs:key bs=64k count=16", 400);
  assert.ok(engine.held.length > 0 && engine.held.length < 16, `${engine.held.length}`);
  bench.machine.receive(3);
  bench.machine.console.mark();
  faults.isHolding = false;
  engine.releaseAll();
  bench.machine.run();
  assert.match(bench.machine.console.fresh, /dd: interrupted after 1048576 bytes/);
  assert.equal(bench.run("statefs get key"), OLD);
});

test("copies of values: a write that fails is told with the key, and the key is as it was", () => {
  const bench = mounted();
  bench.machine.disk(0).faults.onRequest(ofType(OUT), { status: IOERR }, 1);
  const output = bench.run("dd if=vdb of=statefs:key bs=4k count=3");
  assert.match(output, /^dd: of=statefs:key: device reported an I\/O error$/m);
  assert.equal(bench.run("statefs get key"), OLD);
});

test("copies of values: a damaged value is told with its place, and not copied", () => {
  const bench = mounted();
  bench.run("statefs put damaged d 1000; statefs sync");
  const { store } = bench.machine.disk();
  const sector = Buffer.from(store.read(FIRST_RECORD + 2, 1));
  sector[100] = sector[100]! ^ 1;
  store.place(FIRST_RECORD + 2, sector);
  const place = `record at sector ${FIRST_RECORD + 1}: data is corrupt`;
  const copied = bench.run("dd if=statefs:damaged of=vdb");
  assert.equal(copied, `dd: if=statefs:damaged: ${place}\n`);
  assert.equal(bench.run("cmp statefs:damaged vda"), `cmp: statefs:damaged: ${place}\n`);
  assert.deepEqual(bench.content(1), bench.shadows[1]);
});

test("copies of values: a value is copied down the disk that it is on", () => {
  const bench = new Bench([{ sectorCount: SECTORS }]);
  bench.machine.type("statefs format vda 4096 4096\r");
  bench.run("yes");
  bench.run("statefs mount vda 4096; dd if=pattern:5 of=statefs:v bs=64k count=8");
  bench.machine.disk().faults.onRequest(ofType(IN), { delayNs: 90_000 });
  bench.run("dd if=statefs:v of=vda bs=4k seek=1");
  assert.deepEqual(bench.content(0).subarray(4096, 4096 + (8 << 16)), patternBytes(5, 0, 1024));
});
