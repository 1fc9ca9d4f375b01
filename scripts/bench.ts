/**
 * The benchmark, run by `make bench` after the build: the guest in QEMU against a raw image in the
 * page cache, in turns with `qemu-img bench` on the same file; then instructions per request, the
 * time until the shell is ready, and sizes. Prints tables, and writes build/bench.json.
 *
 *     node build/node/scripts/bench.js [--quick]
 *
 * Wall times move with whatever else the machine does: every figure is the median of its rounds,
 * and guest and limit take turns, so that their ratio holds better than either of them.
 */
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { existsSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { measureCopies } from "./bench_copies.js";
import { instructionLine, measureGuard } from "./bench_guard.js";
import * as run from "./bench_run.js";

const IMAGE = "build/bench.img";
/** What copies go to. */
const COPY = "build/bench_copy.img";
const RESULT = "build/bench.json";
const KERNEL = "build/tsblk.elf";
const GUARD_KERNEL = "build/bench/tsblk.elf";
const MODULE = "build/driver.wasm";
const MIB = 1 << 20;
const IMAGE_BYTES = 256 * MIB;

/** Steps of `qemu-img bench`: far apart and never the same place twice in a pass, like random. */
const STEP_BYTES = 269 * 4096;

interface Load {
  key: string;
  what: string;
  options: string;
  /** The limit: depth, block size, requests and step of `qemu-img bench`. */
  limit?: [depth: number, blockBytes: number, count: number, stepBytes: number];
}

const LOADS: Load[] = [
  {
    key: "random_4k_depth1",
    what: "4 KiB random reads, depth 1",
    options: "--random --bs 4k --depth 1",
    limit: [1, 4096, 20_000, STEP_BYTES],
  },
  {
    key: "random_4k_depth32",
    what: "4 KiB random reads, depth 32",
    options: "--random --bs 4k --depth 32",
    limit: [32, 4096, 80_000, STEP_BYTES],
  },
  {
    key: "random_4k_depth256",
    what: "4 KiB random reads, depth 256",
    options: "--random --bs 4k --depth 256",
  },
  {
    key: "read_1m",
    what: "1 MiB reads in a row, depth 8",
    options: "--bs 1M --depth 8",
    limit: [8, MIB, 3_000, MIB],
  },
  {
    key: "read_32m",
    what: "32 MiB reads in a row: 8 requests of 4 MiB",
    options: "--bs 4M --depth 8",
    limit: [8, 4 * MIB, 800, 4 * MIB],
  },
  { key: "read_1m_depth1", what: "1 MiB reads in a row, depth 1", options: "--bs 1M --depth 1" },
  {
    key: "write_4k_depth1",
    what: "4 KiB random writes, depth 1",
    options: "--write --random --bs 4k --depth 1",
  },
  {
    key: "write_4k_depth32",
    what: "4 KiB random writes, depth 32",
    options: "--write --random --bs 4k --depth 32",
  },
  {
    key: "mixed_4k_depth32",
    what: "4 KiB mixed 70/30, depth 32",
    options: "--write --mixed --random --bs 4k --depth 32",
  },
];

interface Figure {
  iops: number;
  mbPerS: number;
  p50Us: number;
  p99Us: number;
  p999Us: number;
  limitIops?: number;
}

const isQuick = process.argv.includes("--quick");
const ROUNDS = isQuick ? 1 : 5;
const BOOTS = isQuick ? 1 : 5;
const SECONDS = 1;

/** An image without holes, so that reading it reads something; left as it is for the next time. */
function makeImage(path: string): void {
  if (existsSync(path) && statSync(path).size === IMAGE_BYTES) return;
  mkdirSync("build", { recursive: true });
  const file = openSync(path, "w");
  for (let at = 0; at < IMAGE_BYTES; at += MIB) writeSync(file, randomBytes(MIB));
  closeSync(file);
}

/** Reads all of the image once. */
function warmImage(): void {
  run.runLimit({ image: IMAGE, depth: 1, blockBytes: MIB, count: 256, stepBytes: MIB });
}

function medianOf(lines: run.PerfLine[], value: (line: run.PerfLine) => number): number {
  return run.median(lines.map(value));
}

function guestFigure(lines: run.PerfLine[]): Figure {
  const perSecond = (line: run.PerfLine): number =>
    (run.numberOf(line, "requests") * 1e9) / run.numberOf(line, "ns");
  const us = (key: string) => medianOf(lines, (line) => run.numberOf(line, key) / 1000);
  const iops = medianOf(lines, perSecond);
  return {
    iops,
    mbPerS: medianOf(lines, (line) => (perSecond(line) * run.numberOf(line, "bs")) / 1e6),
    p50Us: us("p50_ns"),
    p99Us: us("p99_ns"),
    p999Us: us("p999_ns"),
  };
}

/** One round of a load: the guest, then the limit. */
function measureOnce(load: Load, lines: run.PerfLine[], limits: number[]): void {
  // A first pass that does not count touches the guest's memory
  const command = `blkperf --raw ${load.options} --seconds ${SECONDS}`;
  const cmd = `${command}; ${command}; poweroff`;
  const perf = run.runGuest({ image: IMAGE, kernel: KERNEL, cmd }).filter((l) => l.has("access"));
  const last = perf.at(-1);
  if (last === undefined) throw new Error(`no result for ${load.key}`);
  lines.push(last);
  if (load.limit === undefined) return;
  const [depth, blockBytes, count, stepBytes] = load.limit;
  limits.push(run.runLimit({ image: IMAGE, depth, blockBytes, count, stepBytes }));
}

function measureLoads(): Map<string, Figure> {
  const lines = LOADS.map((): run.PerfLine[] => []);
  const limits = LOADS.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    console.error(`round ${round + 1} of ${ROUNDS}`);
    LOADS.forEach((load, i) => measureOnce(load, lines[i] ?? [], limits[i] ?? []));
  }
  return new Map(
    LOADS.map((load, i): [string, Figure] => {
      const figure = guestFigure(lines[i] ?? []);
      const limit = limits[i] ?? [];
      return [load.key, limit.length > 0 ? { ...figure, limitIops: run.median(limit) } : figure];
    }),
  );
}

/** Lines of `blkperf --instructions`. */
function measureInstructions(): run.PerfLine[] {
  const cmd = "blkperf --raw --instructions; poweroff";
  const boot = { image: IMAGE, kernel: KERNEL, cmd, icount: "shift=0" };
  return run.runGuest(boot);
}

async function measureReady(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < BOOTS; i++) times.push(await run.timeToReady(IMAGE, KERNEL));
  return run.median(times);
}

function memoryBytes(lines: run.PerfLine[]): Record<string, number> {
  const line = lines.find((each) => each.has("linear_bytes"));
  if (line === undefined) throw new Error("the guest says nothing of its memory");
  const kernel = run.elfBytes(readFileSync(KERNEL)).memoryBytes;
  return {
    linear_memory_bytes: run.numberOf(line, "linear_bytes"),
    linear_memory_used_bytes: run.numberOf(line, "reserved_bytes"),
    kernel_memory_bytes: kernel,
    interpreter_heap_bytes: run.layoutNumber("HEAP_BYTES"),
  };
}

function instructionKeys(lines: run.PerfLine[]): Record<string, number> {
  const keys: Record<string, number> = {};
  for (const depth of [32, 1]) {
    const line = instructionLine(lines, depth);
    keys[`instructions_per_request_depth${depth}`] = run.numberOf(line, "total");
    for (const part of ["submit", "dispatch", "complete", "waiting"]) {
      keys[`instructions_${part}_depth${depth}`] = run.numberOf(line, part);
    }
  }
  return keys;
}

const round1 = (value: number): number => Math.round(value * 10) / 10;

/** What make bench promises, by the names that it promises. */
function summary(figures: Map<string, Figure>): Record<string, number> {
  const get = (key: string): Figure => {
    const figure = figures.get(key);
    if (figure === undefined) throw new Error(`no figure ${key}`);
    return figure;
  };
  const [one, many] = [get("random_4k_depth1"), get("random_4k_depth32")];
  return {
    iops_depth1: Math.round(one.iops),
    iops_depth32: Math.round(many.iops),
    limit_iops_depth1: Math.round(one.limitIops ?? NaN),
    limit_iops_depth32: Math.round(many.limitIops ?? NaN),
    mb_per_s_1m: round1(get("read_1m").mbPerS),
    mb_per_s_32m: round1(get("read_32m").mbPerS),
  };
}

function printLoads(figures: Map<string, Figure>): void {
  const head = ["", "IOPS", "MB/s", "p50 us", "p99 us", "p99.9 us", "limit IOPS", "of limit"];
  const rows = LOADS.map((load) => {
    const figure = figures.get(load.key);
    if (figure === undefined) return [load.what];
    const { iops, mbPerS, p50Us, p99Us, p999Us, limitIops } = figure;
    const numbers = [iops.toFixed(0), ...[mbPerS, p50Us, p99Us, p999Us].map((n) => n.toFixed(1))];
    if (limitIops === undefined) return [load.what, ...numbers, "", ""];
    return [load.what, ...numbers, limitIops.toFixed(0), (iops / limitIops).toFixed(2)];
  });
  for (const row of [head, ...rows]) {
    const [name = "", ...cells] = row;
    console.log(name.padEnd(44) + cells.map((cell) => cell.padStart(11)).join(""));
  }
}

interface Goal {
  what: string;
  value: number;
  target: number;
  isMost?: boolean;
}

function printGoals(keys: Record<string, number>): void {
  const ratio = (a: string, b: string): number => (keys[a] ?? NaN) / (keys[b] ?? NaN);
  const goals: Goal[] = [
    {
      what: "instructions per 4 KiB request at depth 32",
      value: keys["instructions_per_request_depth32"] ?? NaN,
      target: 1200,
      isMost: true,
    },
    {
      what: "depth 32 of the limit",
      value: ratio("iops_depth32", "limit_iops_depth32"),
      target: 0.7,
    },
    { what: "depth 1 of the limit", value: ratio("iops_depth1", "limit_iops_depth1"), target: 0.6 },
    { what: "depth 32 of depth 1", value: ratio("iops_depth32", "iops_depth1"), target: 4 },
    {
      what: "1 MiB reads of 32 MiB reads",
      value: ratio("mb_per_s_1m", "mb_per_s_32m"),
      target: 0.9,
    },
    {
      what: "dd reads of blkperf's",
      value: ratio("dd_read_mb_per_s", "blkperf_read_mb_per_s"),
      target: 0.7,
    },
    {
      what: "dd writes of blkperf's or the limit",
      value: Math.max(
        ratio("dd_write_mb_per_s", "blkperf_write_mb_per_s"),
        ratio("dd_write_mb_per_s", "limit_write_mb_per_s"),
      ),
      target: 0.7,
    },
    {
      what: "instructions of the guard per request",
      value: keys["guard_instructions_per_request"] ?? NaN,
      target: 250,
      isMost: true,
    },
    {
      what: "IOPS with the guard of without",
      value: keys["guard_iops_share"] ?? NaN,
      target: 0.95,
    },
    { what: "CRC32C over disk data, MB/s", value: keys["crc_mb_per_s"] ?? NaN, target: 200 },
  ];
  for (const { what, value, target, isMost } of goals) {
    const isMet = isMost ? value <= target : value >= target;
    const wanted = `${isMost ? "at most" : "at least"} ${target}`;
    const figure = value.toFixed(2).padStart(9);
    console.log(`  ${what.padEnd(46)}${figure}  ${wanted}, ${isMet ? "met" : "not met"}`);
  }
}

const HOW_TO_READ = `
How to read it: wall times belong to this machine at this moment, so look at the ratios. "limit" is
qemu-img bench on the same file in the same rounds: the same requests without a guest. Each line is
the median of ${ROUNDS} rounds of ${SECONDS} s after a pass that does not count.
"32 MiB reads" keep 8 requests of 4 MiB in flight, which is 32 MiB; they share the 8 MiB of buffers
that the guest has for them, as the 1 MiB reads do not have to. Instructions are the guest's,
counted by -icount shift=0: submit is putting requests into the ring, dispatch the notification
that they share, complete the poll that finds all of them. Waiting does not count; to ask for an
interrupt and to acknowledge it is shown apart. blkperf writes 4 MiB again and again, dd all of the
image: the limit of that is qemu-img bench in writing it.`;

async function main(): Promise<void> {
  makeImage(IMAGE);
  makeImage(COPY);
  warmImage();
  const instructions = measureInstructions();
  const memoryLines = run.runGuest({
    image: IMAGE,
    kernel: KERNEL,
    cmd: "blkperf --raw --count 1; poweroff",
  });
  const figures = measureLoads();
  const images = { image: IMAGE, second: COPY, kernel: KERNEL, imageBytes: IMAGE_BYTES };
  const keys: Record<string, number> = {
    ...instructionKeys(instructions),
    ...summary(figures),
    ...measureCopies(images, ROUNDS),
    ...measureGuard({ image: IMAGE, kernel: GUARD_KERNEL, rounds: ROUNDS }),
    ready_ms: round1(await measureReady()),
    kernel_bytes: run.elfBytes(readFileSync(KERNEL)).fileBytes,
    module_bytes: statSync(MODULE).size,
    ...memoryBytes(memoryLines),
  };
  printLoads(figures);
  console.log("");
  for (const [key, value] of Object.entries(keys)) console.log(`  ${key.padEnd(40)}${value}`);
  console.log("");
  printGoals(keys);
  console.log(HOW_TO_READ);
  writeFileSync(
    RESULT,
    JSON.stringify({ ...keys, loads: Object.fromEntries(figures) }, null, 2) + "\n",
  );
}

await main();
