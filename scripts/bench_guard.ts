/**
 * The part of the benchmark that is about the guard: what it costs that the kernel checks and
 * copies every descriptor (shim/guard.c). One kernel runs with and without the boot argument
 * `guard=off`, in turns; it is compiled as the kernel that is shipped, but for knowing that
 * argument.
 *
 * Instructions at depth 32 depend on how many looks at the ring it takes to find all that was sent
 * together, which is the host's timing. So of several runs, the one with the fewest looks counts.
 */
import { type PerfLine, median, numberOf, runGuest } from "./bench_run.js";

const OFF = "guard=off; ";
const LOAD = "blkperf --raw --random --bs 4k --depth 32 --seconds 1";
const DEPTH = 32;
export const INSTRUCTION_RUNS = 4;

interface GuardBench {
  image: string;
  /** A kernel made with GUARD_SWITCH=1. */
  kernel: string;
  rounds: number;
}

/** Of lines of `blkperf --instructions`, the one at `depth` with the fewest polls. */
export function fewestPolls(lines: PerfLine[], depth = DEPTH): PerfLine {
  const found = lines.filter((line) => line.has("submit") && numberOf(line, "depth") === depth);
  const polls = (line: PerfLine): number => numberOf(line, "polls");
  const [first, ...others] = found;
  if (first === undefined) throw new Error(`no instructions at depth ${depth}`);
  return others.reduce((best, line) => (polls(line) < polls(best) ? line : best), first);
}

function instructions({ image, kernel }: GuardBench, option: string): number {
  const cmd = `${option}blkperf --raw --instructions; poweroff`;
  const lines: PerfLine[] = [];
  for (let i = 0; i < INSTRUCTION_RUNS; i++) {
    lines.push(...runGuest({ image, kernel, cmd, icount: "shift=0" }));
  }
  return numberOf(fewestPolls(lines), "total");
}

/** Requests a second of the second of two passes. */
function iops({ image, kernel }: GuardBench, option: string): number {
  const cmd = `${option}${LOAD}; ${LOAD}; poweroff`;
  const line = runGuest({ image, kernel, cmd }).findLast((each) => each.has("access"));
  if (line === undefined) throw new Error("blkperf has measured nothing");
  return (numberOf(line, "requests") * 1e9) / numberOf(line, "ns");
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

export function measureGuard(bench: GuardBench): Record<string, number> {
  const [on, off] = [instructions(bench, ""), instructions(bench, OFF)];
  const shares: number[] = [];
  for (let i = 0; i < bench.rounds; i++) shares.push(iops(bench, "") / iops(bench, OFF));
  return {
    guard_on_instructions_depth32: on,
    guard_off_instructions_depth32: off,
    guard_instructions_per_request: round(on - off, 1),
    guard_iops_share: round(median(shares), 3),
  };
}
