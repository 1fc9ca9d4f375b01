/** The benchmark's reading of what guest and `qemu-img bench` print, without running either. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { movedRate } from "../scripts/bench_copies.js";
import { instructionLine } from "../scripts/bench_guard.js";
import { median, numberOf, parseImgBench, parsePerf } from "../scripts/bench_run.js";

test("bench: PERF lines are read as keys and values, other lines are passed over", () => {
  const lines = parsePerf("TSBLK: ready\r\nPERF instructions vda depth=32 total=1150.0\r\nx\r\n");
  assert.equal(lines.length, 1);
  assert.equal(numberOf(lines[0]!, "depth"), 32);
  assert.equal(numberOf(lines[0]!, "total"), 1150);
});

test("bench: a missing number is an error, not a figure", () => {
  const [line] = parsePerf("PERF disk=vda depth=");
  assert.throws(() => numberOf(line!, "ns"), /no number ns/);
  assert.throws(() => numberOf(line!, "disk"), /no number disk/);
  assert.throws(() => numberOf(line!, "depth"), /no number depth/);
});

test("bench: the time of qemu-img bench is found, anything else is an error", () => {
  assert.equal(parseImgBench("Sending 1 read\nRun completed in 0.331 seconds.\n"), 0.331);
  assert.throws(() => parseImgBench("qemu-img: no such file"), /qemu-img bench said/);
});

test("bench: the median of an even number of values is the mean of the two in the middle", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([3, 1, 2]), 2);
  assert.throws(() => median([]), /no values/);
});

test("bench: the rate of copies is that of all their bytes over all their time", () => {
  const text =
    "1+0 records in\r\n1+0 records out\r\n" +
    "300000000 bytes (300 MB, 286 MiB) copied, 0.25 s, 1.2 GB/s\r\n" +
    "crc32c 0x00000000\r\n100000000 bytes (100 MB, 95 MiB) read, 0.75 s, 133 MB/s\r\n";
  assert.equal(movedRate(text), 400);
  assert.throws(() => movedRate("dd: no such disk"), /nothing was moved/);
});

test("bench: the instructions at a depth are found among the lines", () => {
  const text =
    "PERF disk=vda depth=32 requests=9\r\n" +
    "PERF instructions vda depth=1 submit=1 total=6500.0 polls=9\r\n" +
    "PERF instructions vda depth=32 submit=1 total=1300.0 polls=128\r\n";
  assert.equal(numberOf(instructionLine(parsePerf(text)), "total"), 1300);
  assert.equal(numberOf(instructionLine(parsePerf(text), 1), "total"), 6500);
  assert.throws(() => instructionLine([]), /no instructions at depth 32/);
});
