/**
 * The part of the benchmark that is about the guard: what it costs that the kernel checks and
 * copies every descriptor (shim/guard.c). One kernel runs with and without the boot argument
 * `guard=off`, in turns; it is compiled as the kernel that is shipped, but for knowing that
 * argument.
 */
import { type PerfLine, median, numberOf, runGuest } from "./bench_run.js";

const OFF = "guard=off; ";
const LOAD = "blkperf --raw --random --bs 4k --depth 32 --seconds 1";
const DEPTH = 32;

interface GuardBench {
  image: string;
  /** A kernel made with GUARD_SWITCH=1. */
  kernel: string;
  rounds: number;
}

/** Of lines of `blkperf --instructions`, the one at `depth`. */
export function instructionLine(lines: PerfLine[], depth = DEPTH): PerfLine {
  const found = lines.find((line) => line.has("submit") && numberOf(line, "depth") === depth);
  if (found === undefined) throw new Error(`no instructions at depth ${depth}`);
  return found;
}

function instructions({ image, kernel }: GuardBench, option: string): number {
  const cmd = `${option}blkperf --raw --instructions; poweroff`;
  const lines = runGuest({ image, kernel, cmd, icount: "shift=0" });
  return numberOf(instructionLine(lines), "total");
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
