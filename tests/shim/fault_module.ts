/**
 * Modules that break rules on purpose, for tests/shim.test.ts: one whose first boot argument byte
 * picks the fault, and some that the kernel must not load at all.
 */
import wabtModule from "wabt";

/** What every module needs to be loaded; a module under test leaves out or replaces one of them. */
const PARTS = {
  memory: `(memory (export "memory") 2 2)`,
  abiVersion: `(func (export "abiVersion") (result i32) (i32.const 1))`,
  start: `(func (export "start") (result i32) (i32.const 0))`,
  step: `(func (export "step") (result i32) (i32.const 0))`,
  receive: `(func (export "receive") (param i32))`,
};

const IMPORTS = `
  (import "host" "windowLength" (func $windowLength (param i32) (result i32)))
  (import "host" "mmioRead8" (func $mmioRead8 (param i32 i32) (result i32)))
  (import "host" "mmioRead16" (func $mmioRead16 (param i32 i32) (result i32)))
  (import "host" "mmioRead32" (func $mmioRead32 (param i32 i32) (result i32)))
  (import "host" "mmioWrite16" (func $mmioWrite16 (param i32 i32 i32)))
  (import "host" "mmioWrite32" (func $mmioWrite32 (param i32 i32 i32)))
  (import "host" "fence" (func $fence))
  (import "host" "clockNs" (func $clockNs (result i64)))
  (import "host" "dmaBase" (func $dmaBase (result i64)))
  (import "host" "consoleWrite" (func $consoleWrite (param i32 i32)))
  (import "host" "bootArgs" (func $bootArgs (param i32 i32) (result i32)))
  (import "host" "powerOff" (func $powerOff (param i32)))
  (import "host" "panic" (func $panic (param i32 i32 i32)))`;

/** The fault's name, which is also that of the WASM function, and its body. `start` returns -7. */
const FAULTS: Record<string, string> = {
  outOfBounds: `(drop (i32.load (i32.const -4)))`,
  lastByteToo: `(i32.store (i32.const 131069) (i32.const 1))`,
  unreachable: `(unreachable)`,
  divideByZero: `(drop (i32.div_u (i32.const 1) (i32.load (i32.const 64))))`,
  recursion: `(call $recursion)`,
  loopRecursion: `(loop (loop (loop (call $loopRecursion))))`,
  wideRecursion: `(drop (call $wide ${"(i64.const 1)".repeat(200)}))`,
  noWindow: `(drop (call $mmioRead32 (i32.const 8) (i32.const 0)))`, // virt has eight
  noWindowLength: `(drop (call $windowLength (i32.const -1)))`,
  pastWindow: `(drop (call $mmioRead32 (i32.const 0) (i32.const 4096)))`,
  acrossWindowEnd: `(call $mmioWrite32 (i32.const 0) (i32.const 4094) (i32.const 0))`,
  farPastWindow: `(drop (call $mmioRead8 (i32.const 0) (i32.const -1)))`,
  misalignedRead: `(drop (call $mmioRead16 (i32.const 0) (i32.const 1)))`,
  misalignedWrite: `(call $mmioWrite16 (i32.const 0) (i32.const 3) (i32.const 0))`,
  textPastMemory: `(call $consoleWrite (i32.const 131071) (i32.const 2))`,
  textWraps: `(call $consoleWrite (i32.const 16) (i32.const -8))`,
  argumentsPastMemory: `(drop (call $bootArgs (i32.const 131072) (i32.const 1)))`,
  panicPastMemory: `(call $panic (i32.const -1) (i32.const 1) (i32.const 1))`,
  panicked: `(call $panic (i32.const 80) (i32.const 11) (i32.const 42))`,
  exitStatus: `(call $powerOff (i32.const 256))`,
  negative: ``,
  works: `
    (if (i32.ne (memory.size) (i32.const 2)) (then (unreachable)))
    (if (i64.ne (i64.and (call $dmaBase) (i64.const 4095)) (i64.const 0)) (then (unreachable)))
    (if (i64.eqz (call $clockNs)) (then (unreachable)))
    (if (i32.ne (call $windowLength (i32.const 7)) (i32.const 4096)) (then (unreachable)))
    (if (i32.ne (call $mmioRead32 (i32.const 0) (i32.const 0)) (i32.const 0x74726976))
      (then (unreachable)))
    (call $fence)
    (drop (call $bootArgs (i32.const 200) (i32.const 0)))
    (if (i32.load8_u (i32.const 200)) (then (unreachable)))
    (memory.copy (i32.const 131061) (i32.const 80) (i32.const 11))
    (call $consoleWrite (i32.const 131061) (i32.const 11))
    (call $powerOff (i32.const 23))`,
};

export const FAULT_NAMES = Object.keys(FAULTS);

/** Boot arguments that pick `fault`: one letter, so that the module needs no text comparison. */
export function faultArgument(fault: string): string {
  const index = FAULT_NAMES.indexOf(fault);
  if (index < 0) throw new Error(`no fault named ${fault}`);
  return String.fromCharCode("A".charCodeAt(0) + index);
}

function faultText(): string {
  const functions = FAULT_NAMES.map((name) => `(func $${name} ${FAULTS[name]})`);
  const choices = FAULT_NAMES.map(
    (name) => `(if (i32.eq (local.get 0) (i32.const ${faultArgument(name).charCodeAt(0)}))
      (then (call $${name})))`,
  );
  const wide = `(func $wide (param ${"i64 ".repeat(200)}) (result i64)
    (call $wide ${Array.from({ length: 200 }, (_, i) => `(local.get ${i})`).join(" ")}))`;
  const start = `(func (export "start") (result i32) (local i32)
    (drop (call $bootArgs (i32.const 0) (i32.const 64)))
    (local.set 0 (i32.load8_u (i32.const 0)))
    ${choices.join("\n")} (i32.const -7))`;
  const { memory, abiVersion, step, receive } = PARTS;
  const data = `(data (i32.const 80) "hello world")`;
  return `(module ${IMPORTS} ${memory} ${data} ${abiVersion} ${step} ${receive}
    ${functions.join("\n")} ${wide} ${start})`;
}

export async function toBinary(text: string): Promise<Uint8Array> {
  const wabt = await wabtModule();
  const module = wabt.parseWat("fault.wat", text);
  return module.toBinary({ write_debug_names: true }).buffer;
}

export const faultModule = (): Promise<Uint8Array> => toBinary(faultText());

/** A module that does nothing, with `parts` in the place of its own. */
export function moduleWith(parts: Partial<typeof PARTS>, imports = ""): Promise<Uint8Array> {
  return toBinary(`(module ${imports} ${Object.values({ ...PARTS, ...parts }).join("\n")})`);
}

const leb = (value: number): number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >> 7)];

const section = (id: number, ...bytes: number[]): number[] => [id, ...leb(bytes.length), ...bytes];

/**
 * A module of one function, `start`, with `depth` blocks inside each other; enough of them and
 * wasm3's compiler overruns its stack. By hand: wabt needs minutes for it.
 */
export function deepModule(depth: number): Uint8Array {
  const blocks = Array<number[]>(depth).fill([0x02, 0x40]).flat();
  const ends = Array<number>(depth).fill(0x0b);
  const body = [0x00, ...blocks, ...ends, 0x41, 0x00, 0x0b];
  const name = [...Buffer.from("start")];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, 1, 0x60, 0, 1, 0x7f),
    ...section(3, 1, 0),
    ...section(5, 1, 1, 2, 2),
    ...section(7, 1, name.length, ...name, 0, 0),
    ...section(10, 1, ...leb(body.length), ...body),
  ]);
}
