/**
 * The part of the benchmark that is about copies: what dd reads, writes and copies against what
 * blkperf does with requests of the same size and number in flight, in turns; and how fast `crc` is
 * over data of a disk.
 *
 * dd takes pieces of 960 KiB, 8 at a time, whatever its bs= is above that. A pass goes over the
 * whole image. In each boot one pass, or one second of blkperf, comes before what counts.
 *
 * blkperf writes back what it has read, 4 MiB again and again, which a processor's cache holds. dd
 * writes all of the image; `qemu-img bench` does too, without a guest, and is the limit of that.
 */
import { median, numberOf, parsePerf, runConsole, runLimit } from "./bench_run.js";

const PIECE = "960k";
const DEPTH = 8;
const PASSES = 4;
const SECTOR_BYTES = 512;

/** A line of dd or crc: `268435456 bytes (...) copied, 0.5 s, 536 MB/s`. */
const MOVED = /^(\d+) bytes .* (?:copied|read), ([0-9.]+) s, /gm;

interface Images {
  /** vda is read, vdb is written. */
  image: string;
  second: string;
  kernel: string;
  imageBytes: number;
}

/** MB/s of all that the console says was moved. */
export function movedRate(text: string): number {
  const lines = [...text.matchAll(MOVED)];
  if (lines.length === 0) throw new Error(`nothing was moved: ${text}`);
  const sum = (group: number): number => lines.reduce((all, line) => all + Number(line[group]), 0);
  return sum(1) / sum(2) / 1e6;
}

/** MB/s of the last line of blkperf. */
function perfRate(text: string): number {
  const line = parsePerf(text).findLast((each) => each.has("access"));
  if (line === undefined) throw new Error(`blkperf has measured nothing: ${text}`);
  return (numberOf(line, "requests") * numberOf(line, "bs") * 1000) / numberOf(line, "ns");
}

/** MB/s of `qemu-img bench` in writing the image, with blocks that fit into it. */
function writeLimit({ second, imageBytes }: Images): number {
  const blockBytes = 512 << 10;
  const count = (PASSES * imageBytes) / blockBytes;
  const options = { depth: DEPTH, blockBytes, count, stepBytes: blockBytes, writes: true };
  return (runLimit({ image: second, ...options }) * blockBytes) / 1e6;
}

/** What is measured, and the commands of one boot. */
function loads({ imageBytes }: Images): [key: string, commands: string[], isPerf?: true][] {
  const perf = `blkperf --raw --bs ${PIECE} --depth ${DEPTH} --seconds 1`;
  const dd = (ends: string): string[] => [
    `dd ${ends} bs=${PIECE} count=${imageBytes} iflag=count_bytes status=none`,
    `repeat ${PASSES} dd ${ends} bs=${PIECE} count=${imageBytes} iflag=count_bytes`,
  ];
  const warmUp = `dd if=vda of=null status=none bs=${PIECE}`;
  return [
    ["blkperf_read_mb_per_s", [`${perf} vda`, `${perf} vda`], true],
    ["dd_read_mb_per_s", dd("if=vda of=null")],
    ["blkperf_write_mb_per_s", [`${perf} --write vdb`, `${perf} --write vdb`], true],
    ["dd_write_mb_per_s", dd("if=zero of=vdb")],
    ["dd_copy_mb_per_s", dd("if=vda of=vdb")],
    ["crc_mb_per_s", [warmUp, `crc 0 ${imageBytes / SECTOR_BYTES} vda`]],
  ];
}

/** Medians of so many rounds, each key in MB/s. */
export function measureCopies(images: Images, rounds: number): Record<string, number> {
  const rates = new Map<string, number[]>();
  const note = (key: string, rate: number): void =>
    void rates.set(key, [...(rates.get(key) ?? []), rate]);
  for (let round = 0; round < rounds; round++) {
    for (const [key, commands, isPerf] of loads(images)) {
      const cmd = [...commands, "poweroff"].join("; ");
      const text = runConsole({ ...images, cmd });
      note(key, isPerf ? perfRate(text) : movedRate(text));
    }
    note("limit_write_mb_per_s", writeLimit(images));
  }
  return Object.fromEntries([...rates].map(([key, each]) => [key, Math.round(median(each))]));
}
