/** Runs modules through tests/shim/module_runner.c, and builds it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

const FOLDER = "build/tests/host";
const BUILD_TIMEOUT_MS = 200_000;
const RUN_TIMEOUT_MS = 120_000;
const OUTPUT_BYTES_MAX = 16 << 20;

/** A leak is no write out of bounds, and wasm3 leaks when it refuses a module. */
const SANITIZER = { ASAN_OPTIONS: "detect_leaks=0", UBSAN_OPTIONS: "print_stacktrace=1" };

const KINDS = ["refused", "accepted", "stopped", "trapped", "ended", "ran", "crashed"] as const;

export interface Verdict {
  /** The line of module_runner. */
  line: string;
  kind: (typeof KINDS)[number];
  /** Of wasm3's heap, and what the validator said it would be at most; 0 when it was refused. */
  heapUsed: number;
  heapBound: number;
}

/** Builds module_runner and bare_wasm3 as far as that is to do. */
export function buildRunners(): void {
  const { MAKEFLAGS: _flags, MAKEOVERRIDES: _overrides, MFLAGS: _mflags, ...env } = process.env;
  const args = ["-s", "-j2", "-f", "tests/shim/host.mk", "Q=@", "TOOLS=", "host"];
  const result = spawnSync("make", args, { encoding: "utf8", env, timeout: BUILD_TIMEOUT_MS });
  assert.equal(result.status, 0, `${result.stdout}${result.stderr}${result.error ?? ""}`);
}

function parse(line: string): Verdict {
  const [, heap, bound, word] = /^(?:heap (\d+) (\d+) )?(\w*)/.exec(line) ?? [];
  const kind = line.endsWith("crashed") ? "crashed" : KINDS.find((each) => each === word);
  assert(kind !== undefined, `what does this say: ${line}`);
  return {
    line,
    kind,
    heapUsed: Number(heap ?? 0),
    heapBound: Number(bound ?? 0),
  };
}

/** What becomes of each module, and what the sanitizers said; see module_runner.c for `-v`. */
export function runModules(
  modules: Uint8Array[],
  bootArgs = "",
): { verdicts: Verdict[]; report: string } {
  const frames = modules.flatMap((module) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(module.length);
    return [length, module];
  });
  const { status, stdout, stderr, error } = spawnSync(`${FOLDER}/module_runner`, [bootArgs], {
    input: Buffer.concat(frames),
    encoding: "latin1",
    env: { ...process.env, ...SANITIZER },
    maxBuffer: OUTPUT_BYTES_MAX,
    timeout: RUN_TIMEOUT_MS,
  });
  assert.equal(status, 0, `module_runner: ${stderr}${error ?? ""}`);
  const verdicts = stdout.trimEnd().split("\n").map(parse);
  assert.equal(verdicts.length, modules.length);
  return { verdicts, report: stderr };
}

/** What wasm3 alone makes of the module in the file at `path`. */
export function runBare(path: string): string {
  const { status, signal, stdout, stderr } = spawnSync(`${FOLDER}/bare_wasm3`, [path], {
    encoding: "latin1",
    env: { ...process.env, ...SANITIZER },
    maxBuffer: OUTPUT_BYTES_MAX,
    timeout: RUN_TIMEOUT_MS,
  });
  return `${stdout}${stderr} status ${status} ${signal ?? ""}`;
}
