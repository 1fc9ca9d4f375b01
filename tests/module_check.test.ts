/**
 * What stands between the bytes of a module and wasm3, on the host and under the address and
 * undefined-behaviour sanitizers: every rule and limit of the validator, modules that break wasm3
 * alone, and mutants of the driver, all through the shim's own glue (tests/shim/module_runner.c).
 *
 * SEED and FUZZ_WASM_SECONDS in the environment choose the first seed of the mutants and for how
 * long they are tried; with 0 seconds it is one batch.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { Prng } from "./machine/prng.js";
import { BREAKERS } from "./shim/hostile_modules.js";
import { type Verdict, buildRunners, runBare, runModules } from "./shim/module_runner.js";
import { BUDGETS, LIMITS, REFUSALS, ROBUST } from "./shim/refused_modules.js";
import { seedModule } from "./shim/seed_module.js";
import { WasmMutator } from "./shim/wasm_mutator.js";

const FOLDER = "build/tests/host";
const SEED = Number(process.env["SEED"] ?? 1);
const SECONDS = Number(process.env["FUZZ_WASM_SECONDS"] ?? 8);
const BOOT_ARGS = "help; disks; dd read 0; poweroff";

/** Sizes of a batch: the driver is a hundred times as long as the seed module. */
const DRIVER_BATCH = 16;
const SEED_BATCH = 64;

/** What the mutants may be refused for although they are valid: the validator's strictness. */
const STRICT = new Set(REFUSALS.filter(([, isValid]) => isValid).map(([what]) => what));
for (const { refusal } of LIMITS) STRICT.add(refusal);

before(buildRunners);

function only(module: Uint8Array, bootArgs?: string): Verdict & { report: string } {
  const { verdicts, report } = runModules([module], bootArgs);
  return { ...verdicts[0]!, report };
}

const refusalOf = ({ line }: Verdict): string | undefined => /^refused (.*) \d+$/.exec(line)?.[1];

describe("validator: each rule refuses a module that breaks it", () => {
  let verdicts: Verdict[] = [];
  before(() => {
    ({ verdicts } = runModules(
      REFUSALS.map(([, , module]) => module),
      "-v",
    ));
  });

  for (const [index, [what, isValid, module]] of REFUSALS.entries()) {
    const kind = isValid ? "valid, but not for this kernel" : "invalid";
    test(`validator: "${what}" is said of case ${index}, which is ${kind}`, () => {
      assert.equal(refusalOf(verdicts[index]!), what);
      assert.equal(WebAssembly.validate(module), isValid);
    });
  }

  test("validator: every text it can refuse with has a module here", () => {
    const sources = readdirSync("shim").filter((name) => /^validate.*\.[ch]$/.test(name));
    const calls = sources.flatMap((name) => [
      ...readFileSync(`shim/${name}`, "utf8").matchAll(
        /validate_(?:refuse|read_count)\([^;]*?"([^"]+)"/g,
      ),
    ]);
    const texts = new Set(calls.map(([, text]) => text!));
    const tried = [
      ...STRICT,
      ...REFUSALS.map(([what]) => what),
      ...BUDGETS.map(([, , what]) => what),
    ];
    assert.deepEqual([...texts].sort(), [...new Set(tried)].sort());
  });
});

describe("validator: limits", () => {
  for (const { what, most, build, refusal } of LIMITS) {
    test(`validator: ${most} ${what} pass and run, one more is refused`, () => {
      const module = build(most);
      const verdict = only(module);
      assert.equal(verdict.kind, "ran", `${verdict.line}\n${verdict.report}`);
      assert.ok(verdict.heapUsed <= verdict.heapBound, verdict.line);
      assert.ok(WebAssembly.validate(module));
      assert.equal(refusalOf(only(build(most + 1))), refusal);
    });
  }

  for (const [what, small, refusal, large] of BUDGETS) {
    test(`validator: ${what} pass and run as far as wasm3 has room and time for them`, () => {
      const verdict = only(small);
      assert.equal(verdict.kind, "ran", `${verdict.line}\n${verdict.report}`);
      assert.ok(verdict.heapUsed <= verdict.heapBound, verdict.line);
      assert.equal(refusalOf(only(large)), refusal);
    });
  }

  for (const [what, module] of ROBUST) {
    test(`wasm3: ${what} compile and run`, () => {
      const verdict = only(module);
      assert.equal(verdict.kind, "ran", `${verdict.line}\n${verdict.report}`);
    });
  }
});

describe("wasm3: what breaks it alone does not reach it", () => {
  for (const [index, { what, isValid, build, alone, guarded }] of BREAKERS.entries()) {
    test(`wasm3: ${what}`, () => {
      const module = build();
      const path = `${FOLDER}/breaker_${index}.wasm`;
      writeFileSync(path, module);
      assert.equal(WebAssembly.validate(module), isValid);
      assert.match(runBare(path), alone);
      const verdict = only(module);
      assert.match(verdict.line, guarded, verdict.report);
    });
  }
});

describe("module: the driver", () => {
  const PATHS = ["build/driver.wasm", "build/debug/driver.wasm"];
  for (const path of PATHS.filter(existsSync)) {
    test(`module: ${path} passes and runs, and the bound of its heap holds`, () => {
      const verdict = only(readFileSync(path), BOOT_ARGS);
      assert.equal(verdict.kind, "ended", `${verdict.line}\n${verdict.report}`);
      assert.ok(verdict.heapUsed <= verdict.heapBound, verdict.line);
    });
  }
});

interface Tally {
  mutants: number;
  accepted: number;
  loaded: number;
  ran: number;
  strict: number;
}

/** What must hold of each mutant, whatever it is. */
function judge(module: Uint8Array, verdict: Verdict, tally: Tally): void {
  const isValid = WebAssembly.validate(module);
  assert.notEqual(verdict.kind, "crashed", verdict.line);
  tally.mutants++;
  if (verdict.kind === "refused") {
    if (!isValid) return;
    assert.ok(STRICT.has(refusalOf(verdict)!), `valid, but: ${verdict.line}`);
    tally.strict++;
    return;
  }
  assert.ok(isValid, "the validator accepts what V8 refuses");
  tally.accepted++;
  if (verdict.heapUsed === 0) return;
  assert.ok(verdict.heapUsed <= verdict.heapBound, verdict.line);
  tally.loaded++;
  if (verdict.kind !== "stopped") tally.ran++;
}

/** Tries a batch of mutants of `bytes`; `mode` is as for runModules. */
function tryBatch(
  bytes: Uint8Array,
  seed: number,
  count: number,
  mode: string,
  tally: Tally,
): void {
  const mutator = new WasmMutator(bytes, new Prng(seed));
  const modules = Array.from({ length: count }, () => mutator.next());
  const { verdicts, report } = runModules(modules, mode);
  for (const [index, module] of modules.entries()) {
    try {
      judge(module, verdicts[index]!, tally);
    } catch (error) {
      const path = `${FOLDER}/mutant.wasm`;
      writeFileSync(path, module);
      const again = `SEED=${seed} FUZZ_WASM_SECONDS=0 makes it again; it is in ${path}`;
      throw new Error(`${String(error)}\nmutant ${index}: ${again}\n${report}`, { cause: error });
    }
  }
}

const describeTally = ({ mutants, accepted, loaded, ran, strict }: Tally): string =>
  `${mutants} mutants, ${accepted} accepted, ${loaded} loaded, ${ran} run; ${strict} refused ` +
  `though valid`;

const newTally = (): Tally => ({ mutants: 0, accepted: 0, loaded: 0, ran: 0, strict: 0 });

test("validator: V8 accepts what it accepts, and its strictness is listed", async (t) => {
  const seed = await seedModule();
  const tally = newTally();
  for (let batch = 0; batch < 30; batch++) tryBatch(seed, SEED + batch, 100, "-v", tally);
  t.diagnostic(`SEED=${SEED}: ${describeTally(tally)}`);
  assert.ok(tally.accepted > tally.mutants / 4);
});

test(`fuzz: mutants run for ${SECONDS} s, none out of bounds or undefined`, async (t) => {
  const driver = readFileSync("build/driver.wasm");
  const seedBytes = await seedModule();
  const tally = { driver: newTally(), seed: newTally() };
  const end = performance.now() + SECONDS * 1000;
  let seed = SEED;
  do {
    tryBatch(driver, seed, DRIVER_BATCH, BOOT_ARGS, tally.driver);
    tryBatch(seedBytes, seed, SEED_BATCH, "", tally.seed);
    seed++;
  } while (performance.now() < end);
  for (const [name, counts] of Object.entries(tally)) {
    t.diagnostic(`SEED=${SEED}, ${name}: ${describeTally(counts)}`);
    assert.ok(counts.ran > counts.mutants / 5, `${name}: too few mutants ran`);
  }
});
