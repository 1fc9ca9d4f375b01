/**
 * Modules that this wasm3 does not survive when it is given them as they are, and modules that lie
 * exactly at a limit of the validator or just beyond it.
 */
import {
  EMPTY,
  F32,
  I32,
  I64,
  OP,
  TYPE,
  type Body,
  constant,
  HEAD,
  functionType,
  leb,
  section,
  startWith,
  text,
  times,
  vector,
} from "./wasm_bytes.js";

/** A module that breaks wasm3 alone, and what becomes of it in the kernel. */
export interface Breaker {
  what: string;
  build: () => Uint8Array;
  isValid: boolean;
  /** How it ends with wasm3 alone. */
  alone: RegExp;
  /** And with the shim around it: the line of module_runner. */
  guarded: RegExp;
}

const CRASH = /AddressSanitizer|runtime error|SIG/;

const block = (type: number, code: number[]): number[] => [OP.block, type, ...code, OP.end];
const loop = (code: number[]): number[] => [OP.loop, EMPTY, ...code, OP.end];

/** `code` inside so many blocks. */
const nested = (depth: number, opening: number[], code: number[]): number[] => [
  ...times(depth, opening),
  ...code,
  ...times(depth, [OP.end]),
];

/** A function with so many i64 parameters that calls itself with them. */
function wideRecursion(count: number): Uint8Array {
  const wide: Body = {
    type: TYPE.own,
    code: [...Array.from({ length: count }, (_, i) => [OP.localGet, ...leb(i)]).flat(), OP.call, 1],
  };
  const zeros = times(count, [OP.i64Const, 0]);
  return startWith([...zeros, OP.call, 1, OP.drop, ...constant(0)], {
    types: [functionType(Array<number>(count).fill(I64), [I64])],
    bodies: [wide],
  });
}

/** Loops inside each other, in the innermost the function calls itself. */
export function recursionInLoops(loops: number): Uint8Array {
  return startWith(nested(loops, [OP.loop, EMPTY], [OP.call, 0, OP.drop]).concat(constant(0)));
}

/** Loops one after another, each left at once; then the function calls itself. */
export function recursionAfterLoops(loops: number): Uint8Array {
  return startWith([...times(loops, loop([])), OP.call, 0]);
}

/** As many blocks of kind `op` inside each other as there may be; `start` fails with -7. */
export function atNestingLimit(op: number): Uint8Array {
  const opening = op === OP.if ? [...constant(1), op, EMPTY] : [op, EMPTY];
  return startWith([...nested(199, opening, []), ...constant(-7)]);
}

/** Loops one after another: wasm3 leaves a frame on the native stack for each. */
function loopsInARow(count: number): Uint8Array {
  return startWith([...times(count, loop([])), ...constant(0)]);
}

const floatBranch = (): Uint8Array =>
  startWith([
    ...block(F32, [
      ...times(40, constant(1)),
      ...[OP.f32Const, 0, 0, 0, 0],
      ...[OP.f32Const, 0, 0, 0, 0],
      ...[OP.br, 0],
    ]),
    ...[OP.drop],
    ...constant(0),
  ]);

/** Values up to one below what wasm3 has room for, then a block that has a result. */
const resultAtTheTop = (height: number): Uint8Array =>
  startWith([
    ...times(height, constant(1)),
    ...block(I32, constant(1)),
    ...times(height, [OP.i32Add]),
  ]);

/** Valid modules of reference reports, and more of their kind; then malformed ones. */
export const BREAKERS: Breaker[] = [
  {
    what: "a branch with a float result past other values (wasm3 #465)",
    isValid: true,
    build: floatBranch,
    alone: CRASH,
    guarded: /^refused not a supported block type/,
  },
  {
    what: "call arguments beyond the end of the stack of values (wasm3 #477)",
    isValid: true,
    build: () => wideRecursion(200),
    alone: CRASH,
    guarded: /trapped stack overflow/,
  },
  {
    what: "recursion through loops inside each other (wasm3 #479)",
    isValid: true,
    build: () => recursionInLoops(128),
    alone: CRASH,
    guarded: /trapped stack overflow/,
  },
  {
    what: "loops one after another",
    isValid: true,
    build: () => loopsInARow(150000),
    alone: CRASH,
    guarded: /^refused too many loops in one function/,
  },
  {
    what: "blocks inside each other without end",
    isValid: true,
    build: () => startWith([...nested(100000, [OP.block, EMPTY], []), ...constant(0)]),
    alone: CRASH,
    guarded: /^refused blocks nested too deep/,
  },
  {
    what: "memory.grow(-1), which takes memory away (wasm3 #442)",
    isValid: true,
    build: () => startWith([...constant(-1), OP.memoryGrow, 0]),
    alone: /ran, 65536 bytes of memory/,
    guarded: /^refused not a supported instruction/,
  },
  {
    what: "an imported memory that nobody supplies (wasm3 #462)",
    isValid: true,
    build: () =>
      new Uint8Array([
        ...HEAD,
        ...section(1, vector([functionType([], [I32])])),
        ...section(2, vector([[...text("host"), ...text("memory"), 2, 1, 2, 2]])),
        ...section(3, [1, 0]),
        ...section(7, vector([[...text("start"), 0, 0]])),
        ...section(10, [1, 4, 0, ...constant(0), OP.end]),
      ]),
    alone: /error unallocated linear memory/,
    guarded: /^refused imports something else than a function/,
  },
  {
    what: "a second result (wasm3 #220)",
    isValid: true,
    build: () =>
      startWith([OP.call, 1, OP.drop], {
        types: [functionType([], [I32, I32])],
        bodies: [{ type: TYPE.own, code: [...constant(1), ...constant(2)] }],
      }),
    alone: /ran/,
    guarded: /^refused more than one result/,
  },
  {
    what: "more values than wasm3 has room for, then a block with a result",
    isValid: true,
    build: () => resultAtTheTop(2000),
    alone: CRASH,
    guarded: /^refused too many values/,
  },
  {
    what: "a branch table with more targets than the address space has room for (wasm3 #570)",
    isValid: false,
    build: () =>
      startWith([
        ...[OP.block, EMPTY, ...constant(0)],
        ...[OP.brTable, ...leb(0xfffffffc), ...times(20000, [0])],
      ]),
    alone: CRASH,
    guarded: /^refused too many targets/,
  },
  {
    what: "memory.fill with operands of other types (CVE-2022-34529)",
    isValid: false,
    build: () =>
      startWith([
        ...constant(0),
        ...times(2, [OP.f32Const, 0, 0, 0, 0]),
        ...[OP.f32Add, ...constant(9), 0xfc, 11, 0],
        ...constant(0),
      ]),
    alone: CRASH,
    guarded: /^refused not a supported instruction/,
  },
];
