/**
 * Modules written byte by byte, valid or not: what the text tools would refuse to write, or need
 * minutes for.
 */

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const EMPTY = 0x40;

export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  call: 0x10,
  callIndirect: 0x11,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  globalSet: 0x24,
  i32Load: 0x28,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  i32Add: 0x6a,
  f32Add: 0x92,
  i64Add: 0x7c,
} as const;

/** An unsigned number in LEB128, in at least `minimumBytes` bytes. */
export function leb(value: number, minimumBytes = 1): number[] {
  const rest = Math.floor(value / 0x80);
  if (rest === 0 && minimumBytes <= 1) return [value];
  return [(value % 0x80) | 0x80, ...leb(rest, minimumBytes - 1)];
}

/** A signed number in LEB128. */
export function signedLeb(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = rest === ((low & 0x40) === 0 ? 0 : -1);
  return isLast ? [low] : [low | 0x80, ...signedLeb(rest)];
}

export const vector = (items: number[][]): number[] => [...leb(items.length), ...items.flat()];

export const text = (name: string): number[] => [...leb(name.length), ...Buffer.from(name)];

export const section = (id: number, content: number[]): number[] => [
  id,
  ...leb(content.length),
  ...content,
];

export const customSection = (name: string, content: number[]): number[] =>
  section(0, [...text(name), ...content]);

export const functionType = (params: number[], results: number[]): number[] => [
  0x60,
  ...vector(params.map((type) => [type])),
  ...vector(results.map((type) => [type])),
];

export const constant = (value: number): number[] => [OP.i32Const, ...signedLeb(value)];

/** `part` so many times. */
export const times = (count: number, part: number[]): number[] =>
  Array<number[]>(count).fill(part).flat();

export const HEAD = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A function: its type, its locals as [count, type], its code without the last `end`. */
export interface Body {
  type: number;
  locals?: [number, number][];
  code: number[];
}

/** Types that every module here has; its own come after them. */
export const TYPE = { number: 0, receive: 1, none: 2, own: 3 } as const;
const TYPES = [functionType([], [I32]), functionType([I32], []), functionType([], [])];

/** Functions that every module here has, the module's own come first. */
const SERVICES: [string, Body][] = [
  ["abiVersion", { type: TYPE.number, code: constant(1) }],
  ["step", { type: TYPE.number, code: constant(0) }],
  ["receive", { type: TYPE.receive, code: [] }],
];

export interface Module {
  types?: number[][];
  imports?: number[][];
  /** The first one is `start`. */
  bodies: Body[];
  /** Null for none. */
  memory?: number[] | null;
  table?: number[];
  globals?: number[][];
  exports?: number[][];
  elements?: number[];
  data?: number[][];
  custom?: number[];
}

const bodyBytes = ({ locals = [], code }: Body): number[] => {
  const bytes = [...vector(locals.map(([count, type]) => [...leb(count), type])), ...code, OP.end];
  return [...leb(bytes.length), ...bytes];
};

const optional = (id: number, content: number[] | undefined): number[] =>
  content === undefined ? [] : section(id, content);

/** The module with what the kernel needs of one, unless it brings its own. */
export function moduleOf(module: Module): Uint8Array {
  const imports = module.imports ?? [];
  const bodies = [...module.bodies, ...SERVICES.map(([, body]) => body)];
  const names = SERVICES.map(([name], index) => [
    ...text(name),
    0,
    ...leb(imports.length + module.bodies.length + index),
  ]);
  const start = [...text("start"), 0, ...leb(imports.length)];
  return new Uint8Array([
    ...HEAD,
    ...section(1, vector([...TYPES, ...(module.types ?? [])])),
    ...section(2, vector(imports)),
    ...section(3, vector(bodies.map(({ type }) => leb(type)))),
    ...optional(4, module.table),
    ...optional(5, module.memory === undefined ? [1, 1, 2, 2] : (module.memory ?? undefined)),
    ...optional(6, module.globals && vector(module.globals)),
    ...section(7, vector([start, ...names, ...(module.exports ?? [])])),
    ...optional(9, module.elements),
    ...section(10, vector(bodies.map(bodyBytes))),
    ...optional(11, module.data && vector(module.data)),
    ...(module.custom ?? []),
  ]);
}

/** A module whose `start` has this code and yields its value. */
export function startWith(code: number[], more: Partial<Module> = {}): Uint8Array {
  return moduleOf({ ...more, bodies: [{ type: TYPE.number, code }, ...(more.bodies ?? [])] });
}
