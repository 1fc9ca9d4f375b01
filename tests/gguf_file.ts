/**
 * Makes small GGUF files for tests, byte by byte from the description of the format: every type of
 * metadata, every type of tensor data, versions 2 and 3. It shares nothing with the driver.
 *
 * What is wrong in a file is put there by the test: counts can be overridden, and a tensor may say
 * any offset and any type.
 */

export const U8 = 0;
export const I8 = 1;
export const U16 = 2;
export const I16 = 3;
export const U32 = 4;
export const I32 = 5;
export const F32 = 6;
export const BOOL = 7;
export const STRING = 8;
export const ARRAY = 9;
export const U64 = 10;
export const I64 = 11;
export const F64 = 12;

/** Elements of a block and bytes of a block, by the number of the type. */
export const TENSOR_TYPES: ReadonlyMap<number, readonly [string, number, number]> = new Map([
  [0, ["F32", 1, 4]],
  [1, ["F16", 1, 2]],
  [2, ["Q4_0", 32, 2 + 16]],
  [3, ["Q4_1", 32, 2 + 2 + 16]],
  [6, ["Q5_0", 32, 2 + 4 + 16]],
  [7, ["Q5_1", 32, 2 + 2 + 4 + 16]],
  [8, ["Q8_0", 32, 2 + 32]],
  [9, ["Q8_1", 32, 2 + 2 + 32]],
  [10, ["Q2_K", 256, 2 + 2 + 16 + 64]],
  [11, ["Q3_K", 256, 2 + 64 + 32 + 12]],
  [12, ["Q4_K", 256, 2 + 2 + 128 + 12]],
  [13, ["Q5_K", 256, 2 + 2 + 128 + 32 + 12]],
  [14, ["Q6_K", 256, 2 + 128 + 64 + 16]],
  [15, ["Q8_K", 256, 4 + 256 + 32]],
  [16, ["IQ2_XXS", 256, 2 + 64]],
  [17, ["IQ2_XS", 256, 2 + 64 + 8]],
  [18, ["IQ3_XXS", 256, 2 + 64 + 32]],
  [19, ["IQ1_S", 256, 2 + 32 + 16]],
  [20, ["IQ4_NL", 32, 2 + 16]],
  [21, ["IQ3_S", 256, 2 + 64 + 32 + 8 + 4]],
  [22, ["IQ2_S", 256, 2 + 64 + 16]],
  [23, ["IQ4_XS", 256, 2 + 2 + 128 + 4]],
  [24, ["I8", 1, 1]],
  [25, ["I16", 1, 2]],
  [26, ["I32", 1, 4]],
  [27, ["I64", 1, 8]],
  [28, ["F64", 1, 8]],
  [29, ["IQ1_M", 256, 32 + 16 + 8]],
  [30, ["BF16", 1, 2]],
  [34, ["TQ1_0", 256, 2 + 4 * 13]],
  [35, ["TQ2_0", 256, 2 + 64]],
  [39, ["MXFP4", 32, 1 + 16]],
  [40, ["NVFP4", 64, 4 + 32]],
  [41, ["Q1_0", 128, 2 + 16]],
  [42, ["Q2_0", 64, 2 + 16]],
]);

export type Value = number | bigint | boolean | string | Uint8Array | ArrayValue;

export interface ArrayValue {
  readonly type: number;
  readonly items: readonly Value[];
  /** The count that is written; the number of items when it is not given. */
  readonly count?: bigint;
}

export interface Entry {
  readonly key: string;
  readonly type: number;
  readonly value: Value;
}

export interface Tensor {
  readonly name: string;
  readonly dims: readonly (number | bigint)[];
  readonly type: number;
  /** Where it says its data are; behind those of the tensor before when it is not given. */
  readonly offset?: bigint;
}

export interface GgufOptions {
  readonly magic?: string;
  readonly version?: number;
  readonly entries?: readonly Entry[];
  readonly tensors?: readonly Tensor[];
  readonly tensorCount?: bigint;
  readonly entryCount?: bigint;
  readonly alignment?: number;
}

export interface Gguf {
  readonly bytes: Uint8Array;
  /** Where the tensor data start. */
  readonly dataStart: number;
  /** Data of each tensor, in the order of the table: offset from `dataStart` and length. */
  readonly extents: readonly { readonly offset: number; readonly lengthBytes: number }[];
}

class Writer {
  private readonly parts: Uint8Array[] = [];
  length = 0;

  bytes(bytes: Uint8Array): this {
    this.parts.push(bytes);
    this.length += bytes.length;
    return this;
  }

  private view(lengthBytes: number, set: (view: DataView) => void): this {
    const bytes = new Uint8Array(lengthBytes);
    set(new DataView(bytes.buffer));
    return this.bytes(bytes);
  }

  u32(value: number): this {
    return this.view(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: number | bigint): this {
    return this.view(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  string(text: string | Uint8Array): this {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    return this.u64(bytes.length).bytes(bytes);
  }

  value(type: number, value: Value): this {
    if (type === STRING) return this.string(value as string | Uint8Array);
    if (type === ARRAY) return this.array(value as ArrayValue);
    const number = Number(value);
    switch (type) {
      case U8:
      case BOOL:
        return this.view(1, (view) => view.setUint8(0, number));
      case I8:
        return this.view(1, (view) => view.setInt8(0, number));
      case U16:
        return this.view(2, (view) => view.setUint16(0, number, true));
      case I16:
        return this.view(2, (view) => view.setInt16(0, number, true));
      case U32:
        return this.u32(number);
      case I32:
        return this.view(4, (view) => view.setInt32(0, number, true));
      case F32:
        return this.view(4, (view) => view.setFloat32(0, number, true));
      case F64:
        return this.view(8, (view) => view.setFloat64(0, number, true));
      case U64:
      case I64:
        return this.u64(BigInt.asUintN(64, BigInt(value as number | bigint)));
      default:
        return this;
    }
  }

  private array({ type, items, count }: ArrayValue): this {
    this.u32(type).u64(count ?? items.length);
    for (const item of items) this.value(type, item);
    return this;
  }

  pad(alignment: number): this {
    return this.bytes(new Uint8Array((alignment - (this.length % alignment)) % alignment));
  }

  take(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}

/** Bytes of a tensor's data, rounded down where the dimensions make no whole block. */
export function tensorBytes({ dims, type }: Tensor): number {
  const [, elements, bytes] = TENSOR_TYPES.get(type) ?? ["", 1, 1];
  const count = dims.reduce<bigint>((product, dim) => product * BigInt(dim), 1n);
  return Number((count / BigInt(elements)) * BigInt(bytes));
}

const up = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;

/** The byte at `at` of the data of every tensor: what a wrong read would not show by chance. */
const dataByte = (at: number): number => (at * 7 + (at >> 8) * 13 + 1) & 0xff;

export function makeGguf(options: GgufOptions): Gguf {
  const { entries = [], tensors = [], alignment = 32 } = options;
  const writer = new Writer().bytes(new TextEncoder().encode(options.magic ?? "GGUF"));
  writer.u32(options.version ?? 3).u64(options.tensorCount ?? tensors.length);
  writer.u64(options.entryCount ?? entries.length);
  for (const { key, type, value } of entries) writer.string(key).u32(type).value(type, value);
  const extents: { offset: number; lengthBytes: number }[] = [];
  let next = 0;
  for (const tensor of tensors) {
    const lengthBytes = tensorBytes(tensor);
    const offset = tensor.offset ?? BigInt(next);
    writer.string(tensor.name).u32(tensor.dims.length);
    for (const dim of tensor.dims) writer.u64(dim);
    writer.u32(tensor.type).u64(offset);
    extents.push({ offset: Number(offset), lengthBytes });
    next = up(Number(offset) + lengthBytes, alignment);
  }
  writer.pad(alignment);
  const dataStart = writer.length;
  const dataEnd = Math.max(0, ...extents.map(({ offset, lengthBytes }) => offset + lengthBytes));
  if (dataEnd < 1 << 28)
    writer.bytes(Uint8Array.from({ length: dataEnd }, (_, at) => dataByte(at)));
  return { bytes: writer.take(), dataStart, extents };
}

/** An entry for each type of value, and arrays of all of them, arrays in arrays included. */
export function everyValue(): Entry[] {
  const scalars: readonly (readonly [number, Value])[] = [
    [U8, 200],
    [I8, -100],
    [U16, 60000],
    [I16, -30000],
    [U32, 4000000000],
    [I32, -2000000000],
    [F32, 1.5],
    [BOOL, true],
    [STRING, "größer"],
    [U64, 0xffff_ffff_ffff_ffffn],
    [I64, -1n],
    [F64, -2.25],
  ];
  const nested: ArrayValue = {
    type: ARRAY,
    items: [
      { type: STRING, items: ["a", "", "ccc"] },
      { type: ARRAY, items: [{ type: U16, items: [1, 2, 3] }] },
      { type: F64, items: [] },
    ],
  };
  return [
    ...scalars.map(([type, value]) => ({ key: `test.scalar_${type}`, type, value })),
    ...scalars.map(([type, value]) => ({
      key: `test.array_${type}`,
      type: ARRAY,
      value: { type, items: [value, value, value] },
    })),
    { key: "test.nested", type: ARRAY, value: nested },
    { key: "test.empty", type: STRING, value: "" },
  ];
}

/** A tensor of each type, of two dimensions, and one each of none, one, three and four. */
export function everyTensor(): Tensor[] {
  const tensors = [...TENSOR_TYPES].map(([type, [name, elements]]) => ({
    name: `blk.${type}.${name.toLowerCase()}`,
    dims: [elements * 2, 3],
    type,
  }));
  const shapes = [[], [5], [2, 3, 4], [2, 2, 2, 2]];
  return [...tensors, ...shapes.map((dims, i) => ({ name: `shape.${i}`, dims, type: 0 }))];
}

/** A file that says what it is: architecture, name, and these entries and tensors. */
export function makeModel(options: GgufOptions = {}): Gguf {
  const entries: Entry[] = [
    { key: "general.architecture", type: STRING, value: "llama" },
    { key: "general.name", type: STRING, value: "tiny" },
    ...(options.alignment === undefined
      ? []
      : [{ key: "general.alignment", type: U32, value: options.alignment }]),
    ...(options.entries ?? []),
  ];
  return makeGguf({ ...options, entries });
}
