/**
 * The programs that a benchmark runs, and what they print as numbers: the guest in QEMU, and
 * `qemu-img bench` on the same file, which is the limit without a guest.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const DEADLINE_MS = 120_000;
const READY = "TSBLK: ready";

/** The keys and values of one `PERF key=value ...` line of the guest. */
export type PerfLine = Map<string, string>;

/** The PERF lines in a console log. Words without `=` are the name, under the key "". */
export function parsePerf(log: string): PerfLine[] {
  const lines = log.split(/\r?\n/).filter((line) => line.startsWith("PERF "));
  return lines.map((line) => {
    const pairs = line
      .slice("PERF ".length)
      .trim()
      .split(/[ ]+/)
      .map((word): [string, string] => {
        const at = word.indexOf("=");
        return at < 0 ? ["", word] : [word.slice(0, at), word.slice(at + 1)];
      });
    return new Map(pairs);
  });
}

/** A number of a PERF line; throws when it is not there. */
export function numberOf(line: PerfLine, key: string): number {
  const value = Number(line.get(key) || NaN); // an empty text is no 0
  if (!Number.isFinite(value)) throw new Error(`no number ${key} in a PERF line`);
  return value;
}

/** Seconds that `qemu-img bench` says it has run. */
export function parseImgBench(text: string): number {
  const seconds = Number(/completed in ([0-9.]+) seconds/.exec(text)?.[1] ?? NaN);
  if (!(seconds > 0)) throw new Error(`qemu-img bench said: ${text}`);
  return seconds;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error("no values");
  return (upper + lower) / 2;
}

export interface GuestOptions {
  image: string;
  kernel: string;
  /** Boot arguments. */
  cmd: string;
  icount?: string;
  /** The image of vdb, when there is one. */
  second?: string;
}

function guestEnvironment(options: GuestOptions): NodeJS.ProcessEnv {
  const { kernel, cmd, icount } = options;
  const env: NodeJS.ProcessEnv = { PATH: process.env["PATH"], KERNEL: kernel, CMD: cmd };
  return icount === undefined ? env : { ...env, ICOUNT: icount };
}

/** Boots the guest with a command line that powers it off. Returns its PERF lines. */
export function runGuest(options: GuestOptions): PerfLine[] {
  return parsePerf(runConsole(options));
}

/** The same; returns all that it prints. */
export function runConsole(options: GuestOptions): string {
  const images = options.second === undefined ? [options.image] : [options.image, options.second];
  const result = spawnSync("scripts/qemu.sh", images, {
    env: guestEnvironment(options),
    encoding: "utf8",
    timeout: DEADLINE_MS,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (result.status !== 0) {
    throw new Error(`the guest ended with ${result.status}\n${result.stdout}${result.stderr}`);
  }
  return result.stdout;
}

/** Milliseconds from the start of QEMU to the marker on the console. */
export async function timeToReady(image: string, kernel: string): Promise<number> {
  const start = performance.now();
  const child = spawn("scripts/qemu.sh", [image], {
    env: guestEnvironment({ image, kernel, cmd: "" }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const end = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  let log = "";
  let elapsed = NaN;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    log += text;
    if (!Number.isNaN(elapsed) || !log.includes(READY)) return;
    elapsed = performance.now() - start;
    child.kill("SIGKILL");
  });
  await end;
  clearTimeout(timer);
  if (Number.isNaN(elapsed)) throw new Error(`no "${READY}":\n${log}`);
  return elapsed;
}

export interface LimitOptions {
  image: string;
  depth: number;
  blockBytes: number;
  count: number;
  /** Bytes from one request to the next; it wraps at the end of the image. */
  stepBytes: number;
  writes?: boolean;
}

/** Requests per second of `qemu-img bench`. */
export function runLimit(options: LimitOptions): number {
  const { image, depth, blockBytes, count, stepBytes } = options;
  const numbers = ["-c", count, "-d", depth, "-s", blockBytes, "-S", stepBytes].map(String);
  const how = options.writes ? ["-w", "-t", "writeback"] : [];
  const result = spawnSync("qemu-img", ["bench", ...numbers, ...how, "-f", "raw", image], {
    encoding: "utf8",
    timeout: DEADLINE_MS,
  });
  if (result.status !== 0) throw new Error(`qemu-img bench: ${result.stderr}`);
  return count / parseImgBench(result.stdout);
}

/** What of a 64-bit ELF file is loaded, and the memory that it takes with what is zero. */
export function elfBytes(elf: Buffer): { fileBytes: number; memoryBytes: number } {
  const PT_LOAD = 1;
  const tableOffset = Number(elf.readBigUInt64LE(32));
  const [entryBytes, count] = [elf.readUInt16LE(54), elf.readUInt16LE(56)];
  let [fileBytes, memoryBytes] = [0, 0];
  for (let i = 0; i < count; i++) {
    const at = tableOffset + i * entryBytes;
    if (elf.readUInt32LE(at) !== PT_LOAD) continue;
    fileBytes += Number(elf.readBigUInt64LE(at + 32));
    memoryBytes += Number(elf.readBigUInt64LE(at + 40));
  }
  return { fileBytes, memoryBytes };
}

/** A number that shim/memlayout.h defines. */
export function layoutNumber(name: string): number {
  const text = readFileSync("shim/memlayout.h", "utf8");
  const value = new RegExp(`#define ${name}\\s+(0x[0-9a-fA-F]+|[0-9]+)`).exec(text)?.[1];
  if (value === undefined) throw new Error(`${name} is not in shim/memlayout.h`);
  return Number(value);
}
