/**
 * For each rule of the validator a module that breaks it, and for each of its limits a module that
 * lies at it and one beyond.
 *
 * `isValid` is what the specification says of a refused module: where it is true, the validator is
 * stricter on purpose.
 */
import {
  EMPTY,
  F32,
  HEAD,
  I32,
  I64,
  OP,
  TYPE,
  type Body,
  type Module,
  constant,
  customSection,
  functionType,
  leb,
  moduleOf,
  section,
  startWith,
  text,
  times,
  vector,
} from "./wasm_bytes.js";

const FUNC_TABLE = (...limits: number[]): number[] => [1, 0x70, ...limits];
const EXPORT_START = (name: string, kind: number, index: number): number[] => [
  ...text(name),
  kind,
  index,
];
const IMPORT = (kind: number, ...type: number[]): number[] => [
  ...text("host"),
  ...text("fence"),
  kind,
  ...type,
];

const start = (module: Partial<Module>): Uint8Array => startWith(constant(0), module);
const code = (...bytes: number[]): Uint8Array => startWith(bytes);
const raw = (...sections: number[][]): Uint8Array => new Uint8Array([...HEAD, ...sections.flat()]);

/** A name section with one subsection. */
const names = (kind: number, content: number[], length = content.length): number[] =>
  customSection("name", [kind, ...leb(length), ...content]);

const name = (...bytes: number[]): number[] => [...leb(bytes.length), ...bytes];
const global = (...bytes: number[]): Uint8Array => start({ globals: [bytes] });
const segment = (offset: number[], content: number[]): number[] => [
  0,
  ...offset,
  OP.end,
  ...content,
];
const withTable = (...elements: number[]): Uint8Array =>
  start({ table: FUNC_TABLE(0, 4), elements });

/** Text of the rule, whether the module is valid all the same, the module. */
type Refusal = [what: string, isValid: boolean, module: Uint8Array];

const OF_SECTIONS: Refusal[] = [
  ["not a WebAssembly module", false, new Uint8Array([])],
  ["not a WebAssembly module", false, new Uint8Array([...HEAD.slice(0, 4), 2, 0, 0, 0])],
  ["unexpected end", false, raw([1])],
  ["unexpected end", false, raw([1, 5, 0])],
  ["malformed number", false, raw([1, ...times(5, [0x80]), 0])],
  ["malformed number", false, raw([1, 0xff, 0xff, 0xff, 0xff, 0x1f])],
  ["unknown or misplaced section", false, raw(section(31, [0]))],
  ["unknown or misplaced section", false, raw(section(3, [0]), section(1, [0]))],
  ["unknown or misplaced section", false, raw(section(1, [0]), section(1, [0]))],
  [
    "unknown or misplaced section",
    true,
    raw(
      section(1, vector([functionType([], [])])),
      section(3, [1, 0]),
      section(8, [0]),
      section(10, [1, 2, 0, 0x0b]),
    ),
  ],
  ["section is longer than what is in it", false, raw(section(1, [0, 0]))],
  ["not a function type", false, raw(section(1, [1, 0x5f, 0, 0]))],
  ["more than one result", true, start({ types: [functionType([], [I32, I32])] })],
  ["not a supported value type", true, start({ types: [functionType([F32], [])] })],
  ["not a supported value type", true, start({ types: [functionType([], [0x6f])] })],
  [
    "not a supported value type",
    true,
    start({ bodies: [{ type: 2, locals: [[1, F32]], code: [] }] }),
  ],
  ["no such type", false, raw(section(3, [1, 0]))],
  ["imports something else than a function", true, raw(section(2, vector([IMPORT(3, I32, 0)])))],
  [
    "imports something else than a function",
    true,
    raw(section(2, vector([IMPORT(1, 0x70, 0, 1)]))),
  ],
  ["more than one table", true, start({ table: [2, 0x70, 0, 1, 0x70, 0, 1] })],
  ["not a table of functions", true, start({ table: [1, 0x6f, 0, 1] })],
  ["limits out of range", false, start({ table: FUNC_TABLE(1, 4, 3) })],
  ["limits out of range", false, start({ memory: [1, 1, ...leb(65537), ...leb(65537)] })],
  ["limits out of range", true, start({ memory: [1, 3, 2, 2] })],
  ["more than one memory", false, start({ memory: [2, 1, 1, 1, 1, 1, 1] })],
  ["memory must be its own and of one fixed size", true, start({ memory: [1, 0, 2] })],
  ["memory must be its own and of one fixed size", true, start({ memory: [1, 1, 0, 0] })],
  ["memory must be its own and of one fixed size", true, start({ memory: null })],
  ["not a mutability", false, global(I32, 2, ...constant(0), OP.end)],
  ["not a constant of the right type", false, global(I32, 0, OP.i64Const, 0, OP.end)],
  ["not a constant of the right type", false, global(I32, 0, 0x23, 0, OP.end)],
  ["constant does not end", false, global(I32, 0, ...constant(1), 0x01, OP.end)],
  ["exports what is not there", false, start({ exports: [EXPORT_START("x", 0, 9)] })],
  ["exports what is not there", false, start({ exports: [EXPORT_START("x", 1, 0)] })],
  ["exports what is not there", false, start({ exports: [EXPORT_START("x", 2, 1)] })],
  ["exports what is not there", false, start({ exports: [EXPORT_START("x", 3, 0)] })],
  ["exports what is not there", false, start({ exports: [EXPORT_START("x", 5, 0)] })],
  ["two exports of one name", false, start({ exports: [EXPORT_START("step", 0, 0)] })],
  ["not a segment of the table", true, withTable(1, 1, 0, 1, 0)],
  ["not a segment of the table", false, start({ elements: vector([segment(constant(0), [0])]) })],
  ["segment outside the table", true, withTable(...vector([segment(constant(3), [2, 0, 0])]))],
  ["segment outside the table", true, withTable(...vector([segment(constant(-1), [1, 0])]))],
  ["no such function", false, withTable(...vector([segment(constant(0), [1, 9])]))],
  ["not a segment of the memory", true, start({ data: [[1, 1, 0]] })],
  ["segment outside the memory", true, start({ data: [segment(constant(131071), [2, 0, 0])] })],
  ["segment outside the memory", true, start({ data: [segment(constant(-1), [1, 0])] })],
  [
    "not one body for each function",
    false,
    raw(section(1, vector([functionType([], [])])), section(3, [1, 0]), section(5, [1, 1, 1, 1])),
  ],
  ["not one body for each function", false, raw(section(10, [1, 2, 0, 0x0b]))],
  [
    "not the announced number of data segments",
    false,
    raw(section(5, [1, 1, 1, 1]), section(12, [1])),
  ],
  ["name is not printable", true, start({ exports: [EXPORT_START("\x1b[2J", 0, 0)] })],
  ["name is not printable", true, start({ custom: names(1, [1, 0, ...name(0x0d)]) })],
  ["unexpected end", true, start({ custom: customSection("name", []) })],
  ["unexpected end", true, start({ custom: names(1, [0], 9) })],
  ["names do not fill their section", true, start({ custom: names(1, [0, 0]) })],
  ["malformed number", true, start({ custom: names(0x80, [0]) })],
  ["too many names", true, start({ custom: names(1, [...leb(5000), 0]) })],
];

const OF_CODE: Refusal[] = [
  ["unexpected end", false, code(...constant(0), OP.block, EMPTY)],
  ["body is longer than its function", false, code(...constant(0), OP.end, OP.end)],
  [
    "not a supported block type",
    true,
    code(OP.block, F32, OP.unreachable, OP.end, OP.drop, ...constant(0)),
  ],
  ["not a supported block type", true, code(OP.block, TYPE.none, OP.end, ...constant(0))],
  ["not a supported instruction", false, code(0x06)],
  ["not a supported instruction", true, code(OP.f32Const, 0, 0, 0, 0, OP.drop, ...constant(0))],
  ["not a supported instruction", true, code(...constant(1), OP.memoryGrow, 0)],
  ["not a supported instruction", false, code(0xfc, 8, 0, 0)],
  ["not a supported instruction", true, code(0x12, 0)],
  ["value missing", false, code(OP.i32Add)],
  ["value missing", false, code(OP.drop, ...constant(0))],
  ["value missing", false, code(...constant(0), OP.block, I32, OP.end, OP.i32Add)],
  ["value of the wrong type", false, code(OP.i64Const, 0)],
  [
    "value of the wrong type",
    false,
    code(...constant(0), OP.i64Const, 0, ...constant(0), OP.select),
  ],
  [
    "value of the wrong type",
    false,
    code(...constant(0), OP.i64Const, 0, ...constant(0), 0xfc, 11, 0, ...constant(0)),
  ],
  ["values left at the end of a block", false, code(...constant(0), ...constant(0))],
  ["else without if", false, code(OP.block, EMPTY, OP.else, OP.end, ...constant(0))],
  [
    "if with a result needs an else",
    false,
    code(...constant(0), OP.if, I32, ...constant(0), OP.end),
  ],
  ["code that is never reached", true, code(OP.unreachable, ...constant(0))],
  ["code that is never reached", true, code(...constant(0), OP.br, 0, OP.drop)],
  ["no such block", false, code(...constant(0), OP.br, 1)],
  [
    "targets of different types",
    false,
    code(
      OP.block,
      EMPTY,
      ...constant(0),
      ...constant(0),
      OP.brTable,
      1,
      0,
      1,
      OP.end,
      ...constant(0),
    ),
  ],
  ["too many targets", false, code(...constant(0), OP.brTable, 100, 0)],
  ["no such function", false, code(OP.call, 9)],
  ["no such type", false, code(OP.callIndirect, 9, 0)],
  ["no such table", false, code(...constant(0), OP.callIndirect, 0, 0)],
  ["no such local", false, code(OP.localGet, 0)],
  ["no such global", false, code(0x23, 0)],
  [
    "sets an immutable global",
    false,
    startWith([...constant(0), OP.globalSet, 0, ...constant(0)], {
      globals: [[I32, 0, ...constant(0), OP.end]],
    }),
  ],
  ["no such memory", false, code(0x3f, 1)],
  ["no such memory", false, code(...times(3, constant(0)), 0xfc, 10, 0, 1, ...constant(0))],
  ["alignment larger than the access", false, code(...constant(0), OP.i32Load, 3, 0)],
  ["malformed number", false, code(OP.i32Const, 0xff, 0xff, 0xff, 0xff, 0x4f)],
  [
    "malformed number",
    false,
    code(OP.i64Const, ...times(9, [0xff]), 0x3f, OP.drop, ...constant(0)),
  ],
];

export const REFUSALS: Refusal[] = [...OF_SECTIONS, ...OF_CODE];

/** A limit: the most there may be, a module with so many, what it says of one with more. */
export interface Limit {
  what: string;
  most: number;
  build: (count: number) => Uint8Array;
  refusal: string;
}

const nested = (depth: number, opening: number[]): number[] => [
  ...times(depth, opening),
  ...times(depth, [OP.end]),
];

const emptyBody: Body = { type: TYPE.none, code: [] };
const numberBody = (locals: number, code: number[]): Body => ({
  type: TYPE.number,
  locals: [[locals, I32]],
  code,
});

/** So many values, read from 250 locals that then change, below a block with a result. */
function manyValues(count: number): Uint8Array {
  const below = count - 2;
  const code = [
    ...Array.from({ length: below }, (_, i) => [OP.localGet, ...leb(i)]).flat(),
    ...Array.from({ length: below }, (_, i) => [...constant(i), OP.localSet, ...leb(i)]).flat(),
    ...[OP.block, I32, ...constant(1), OP.end],
    ...times(below, [OP.i32Add]),
  ];
  return moduleOf({ bodies: [numberBody(250, code)] });
}

const branchTables = (tables: number, count: number): Uint8Array => {
  const table = [OP.brTable, ...leb(count), ...times(count + 1, [0])];
  const block = [OP.block, EMPTY, ...constant(3), ...table, OP.end];
  return startWith([...times(tables, block), ...constant(0)]);
};

/** Blocks among values and locals, for each of which wasm3 compares all of both. */
const slowBlocks = (count: number): Uint8Array =>
  moduleOf({
    bodies: [
      numberBody(256, [
        ...times(200, constant(0)),
        ...times(count, [OP.block, EMPTY, OP.end]),
        ...times(199, [OP.i32Add]),
      ]),
    ],
  });

/** `else` inside `else`, each of which holds a page of code in wasm3; `start` gives `result`. */
export const nestedElse = (depth: number, result = 0): Uint8Array =>
  startWith([
    ...times(depth, [...constant(0), OP.if, EMPTY, OP.else]),
    ...times(depth, [OP.end]),
    ...constant(result),
  ]);

const parameters = (count: number): Uint8Array => {
  const sum = Array.from({ length: count }, (_, i) => [OP.localGet, ...leb(i), OP.i64Add]).flat();
  return startWith(
    [
      ...times(count, [OP.i64Const, 1]),
      OP.call,
      1,
      ...times(count, [OP.i64Const, 1]),
      OP.call,
      1,
      OP.i64Add,
      0xa7,
    ],
    {
      types: [functionType(Array<number>(count).fill(I64), [I64])],
      bodies: [{ type: TYPE.own, code: [OP.i64Const, 0, ...sum] }],
    },
  );
};

const padded = (count: number): Uint8Array => {
  const small = start({}).length;
  const overhead = 1 + 4 + 2;
  const content = Array<number>(count - small - overhead).fill(0);
  return start({ custom: [0, ...leb(content.length + 2, 4), ...text("x"), ...content] });
};

export const LIMITS: Limit[] = [
  { what: "bytes", most: 1 << 20, build: padded, refusal: "module too long" },
  {
    what: "types",
    most: 256,
    build: (count) => start({ types: Array<number[]>(count - 3).fill(functionType([I64], [])) }),
    refusal: "too many types",
  },
  { what: "parameters", most: 200, build: parameters, refusal: "too many parameters" },
  {
    what: "imports",
    most: 64,
    build: (count) => start({ imports: Array<number[]>(count).fill(IMPORT(0, TYPE.none)) }),
    refusal: "too many imports",
  },
  {
    what: "functions",
    most: 4096,
    build: (count) => start({ bodies: Array<Body>(count - 4).fill(emptyBody) }),
    refusal: "too many functions",
  },
  {
    what: "functions with the imported ones",
    most: 4096,
    build: (count) =>
      start({ imports: [IMPORT(0, TYPE.none)], bodies: Array<Body>(count - 5).fill(emptyBody) }),
    refusal: "too many functions",
  },
  {
    what: "bodies",
    most: 4096,
    build: (count) =>
      count === 4096 ? start({}) : raw(section(10, [...leb(count), ...times(count, [0])])),
    refusal: "too many bodies",
  },
  {
    what: "table elements",
    most: 1024,
    build: (count) =>
      start({
        table: FUNC_TABLE(0, ...leb(count)),
        elements: vector([segment(constant(count - 1), [1, 0])]),
      }),
    refusal: "limits out of range",
  },
  {
    what: "globals",
    most: 1024,
    build: (count) =>
      start({ globals: Array<number[]>(count).fill([I32, 1, ...constant(1), OP.end]) }),
    refusal: "too many globals",
  },
  {
    what: "exports",
    most: 64,
    build: (count) =>
      start({ exports: Array.from({ length: count - 4 }, (_, i) => EXPORT_START(`x${i}`, 0, 0)) }),
    refusal: "too many exports",
  },
  {
    what: "element segments",
    most: 64,
    build: (count) =>
      start({
        table: FUNC_TABLE(0, 4),
        elements: vector(Array<number[]>(count).fill(segment(constant(3), [1, 0]))),
      }),
    refusal: "too many element segments",
  },
  {
    what: "data segments",
    most: 4096,
    build: (count) => start({ data: Array<number[]>(count).fill(segment(constant(9), [1, 7])) }),
    refusal: "too many data segments",
  },
  {
    what: "bytes of a name",
    most: 512,
    build: (count) => start({ custom: names(1, [1, 4, ...name(...times(count, [0x61]))]) }),
    refusal: "name too long",
  },
  {
    what: "locals",
    most: 256,
    build: (count) => moduleOf({ bodies: [numberBody(count, constant(0))] }),
    refusal: "too many locals",
  },
  { what: "values", most: 240, build: manyValues, refusal: "too many values" },
  {
    what: "blocks inside each other",
    most: 200,
    build: (count) => startWith([...nested(count - 1, [OP.block, EMPTY]), ...constant(0)]),
    refusal: "blocks nested too deep",
  },
  {
    what: "loops in a function",
    most: 128,
    build: (count) => startWith([...times(count, [OP.loop, EMPTY, OP.end]), ...constant(0)]),
    refusal: "too many loops in one function",
  },
  {
    what: "targets of a branch table",
    most: 4096,
    build: (count) => branchTables(1, count),
    refusal: "too many targets",
  },
];

/** The limits that are a sum: modules well below and well above. */
export const BUDGETS: [string, Uint8Array, string, Uint8Array][] = [
  ["branch tables", branchTables(25, 4096), "code too large for the heap", branchTables(35, 4096)],
  ["blocks among values", slowBlocks(300), "code too slow to compile", slowBlocks(500)],
  ["else inside else", nestedElse(115), "code too large for the heap", nestedElse(125)],
];

/** Modules that use up what wasm3 has for one function, in the ways that are left. */
export const ROBUST: [string, Uint8Array][] = [
  [
    "1000 constants in one function",
    startWith([
      ...Array.from({ length: 1000 }, (_, i) => [...constant(i * 7919), OP.drop]).flat(),
      ...constant(0),
    ]),
  ],
  [
    "one local that is on the stack 238 times when it changes",
    moduleOf({
      bodies: [
        numberBody(1, [
          ...times(238, [OP.localGet, 0]),
          ...[...constant(1), OP.localSet, 0],
          ...times(237, [OP.i32Add]),
        ]),
      ],
    }),
  ],
  [
    "results of 200 calls on the stack",
    startWith([...times(200, [OP.call, 1]), ...times(199, [OP.i32Add])], {
      bodies: [{ type: TYPE.number, code: constant(2) }],
    }),
  ],
  [
    "119 blocks with results inside each other",
    startWith([...times(119, [OP.block, I32]), ...constant(0), ...times(119, [OP.end])]),
  ],
  ["128 loops inside each other", startWith([...nested(128, [OP.loop, EMPTY]), ...constant(0)])],
];
