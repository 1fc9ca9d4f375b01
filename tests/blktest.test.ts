/** blktest on the device model: what passes, what fails, and that the disk is as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench } from "./copies.js";
import { ofType, startingIn } from "./machine/faults.js";
import { Machine } from "./machine/machine.js";
import { F } from "./machine/spec.js";

const OUT = 1;
const DISCARD = 11;
const ALL = [F.BLK_SIZE, F.FLUSH, F.DISCARD, F.WRITE_ZEROES];
const COUNT = 13;

function results(output: string): string[] {
  return [...output.matchAll(/^ *\d+ (PASS|FAIL|SKIP)/gm)].map((match) => match[1]!);
}

for (const blkSize of [512, 4096, 65536]) {
  for (const sectorCount of [128, 16384]) {
    test(`blktest: blocks of ${blkSize}, ${sectorCount} sectors: passes and restores`, () => {
      const bench = new Bench([{ blkSize, sectorCount, features: ALL }]);
      const output = bench.run("blktest");
      assert.deepEqual(results(output), Array(COUNT).fill("PASS"));
      assert.match(output, /^blktest: 13 passed, 0 failed, 0 skipped; .* is restored$/m);
      bench.check("restored");
    });
  }
}

test("blktest: writes in between, so restoring is not for nothing", () => {
  const bench = new Bench([{ sectorCount: 16384, features: ALL }]);
  const written = new Set<number>();
  bench.machine.disk().faults.onRequest((request) => {
    if (request.type === OUT) written.add(Number(request.sector));
    return false;
  }, {});
  bench.run("blktest");
  assert.ok(written.has(16383), "the last sector");
  assert.ok(written.has(16384 - 8192), "the scratch range");
  assert.ok([...written].every((lba) => lba >= 16384 - 8192));
});

test("blktest: a failing request fails its test and no other, and the disk is restored", () => {
  const bench = new Bench([{ sectorCount: 16384, features: ALL }]);
  bench.machine.disk().faults.onRequest(ofType(DISCARD), { status: 1 });
  const output = bench.run("blktest");
  assert.match(output, /^ 8 FAIL discard: device reported an I\/O error$/m);
  assert.match(output, /^blktest: 12 passed, 1 failed, 0 skipped/m);
  bench.check("restored");
});

test("blktest: a disk that swallows writes is found out", () => {
  const bench = new Bench([{ sectorCount: 16384, features: ALL }]);
  const { store } = bench.machine.disk();
  store.write = () => {};
  assert.match(bench.run("blktest"), /^ 5 FAIL verify what was written: data is not what was/m);
});

test("blktest: a scratch range that cannot be read is not written to", () => {
  const bench = new Bench([{ sectorCount: 16384, features: ALL }]);
  const { faults } = bench.machine.disk();
  faults.onRequest(startingIn(16384 - 8192, 16383), { status: 1 });
  const output = bench.run("blktest");
  assert.match(output, /^ 4 FAIL write 8 sectors: device reported an I\/O error$/m);
  assert.doesNotMatch(output, /restored/);
  bench.check("untouched");
});

test("blktest: what cannot be restored is told with its place", () => {
  const bench = new Bench([{ sectorCount: 16384, features: ALL }]);
  const { faults } = bench.machine.disk();
  let writes = 0;
  faults.onRequest((request) => request.type === OUT && ++writes > 3, { status: 1 });
  const output = bench.run("blktest");
  assert.match(output, /^blktest: NOT restored: 8192 sectors from 8192 on, vda: device/m);
});

test("blktest: Ctrl-C at any moment restores what was overwritten", () => {
  for (let steps = 5; steps < 400; steps += 7) {
    const bench = new Bench([{ sectorCount: 1024, features: ALL }]);
    bench.start("blktest", steps);
    if (bench.machine.console.text.endsWith("tsblk> ")) break;
    const output = bench.interrupt();
    assert.match(output, /^blktest: interrupted after \d+ tests$/m, `after ${steps} slices`);
    bench.check(`after ${steps} slices`);
    assert.match(bench.run("dd read 1"), /vda sector 1/);
  }
});

test("blktest: TAP 14 for programs, a failure with its message", () => {
  const bench = new Bench([{ sectorCount: 16384, features: ALL }]);
  bench.machine.disk().faults.onRequest(ofType(DISCARD), { status: 2 });
  const lines = bench.run("blktest --tap").trimEnd().split("\n");
  assert.deepEqual(lines.slice(0, 3), ["TAP version 14", "1..13", "ok 1 - read sector 0"]);
  assert.equal(lines.filter((line) => /^(not )?ok \d+ - /.test(line)).length, COUNT);
  const at = lines.indexOf("not ok 8 - discard");
  assert.deepEqual(lines.slice(at + 1, at + 4), [
    "  ---",
    '  message: "device answered that it does not support this request"',
    "  ...",
  ]);
});

test("blktest: the exit status of the machine says whether all passed", () => {
  for (const [sectorCount, status] of [
    [1024, 0],
    [63, 1],
  ] as const) {
    const slots = [{ sectorCount, features: ALL }];
    const machine = new Machine({ slots, bootArgs: "blktest --tap; poweroff" });
    machine.boot();
    assert.deepEqual(machine.end, { kind: "powerOff", code: status });
  }
});
