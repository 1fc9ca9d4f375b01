/**
 * loadmodel on the device model: what it says of sound files, confirmed by an independent parser;
 * what it says of every kind of broken one; tokens against a plain implementation.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { GGMLQuantizationType, gguf } from "@huggingface/gguf";
import * as file from "./gguf_file.js";
import { gpt2Tokens, gpt2Vocabulary, llamaTokens, llamaVocabulary } from "./gguf_tokens.js";
import { crc32c } from "./machine/crc32c.js";
import { ofType, startingIn } from "./machine/faults.js";
import { Machine, PROMPT } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import type { Version } from "./machine/spec.js";

const SECTOR_BYTES = 512;
const CTRL_C = 3;
const IN = 0;
const S = 1_000_000_000;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** The longest a small file may take, sound or not, in virtual time. */
const LIMIT_NS = S / 10;

/** A machine with a disk that ends `spare` bytes behind the file, which starts at `offset`. */
function machineWith(bytes: Uint8Array, disk: DiskOptions = {}, offset = 0, spare = 0): Machine {
  const unit = disk.blkSize ?? SECTOR_BYTES;
  const blocks = Math.ceil((offset + bytes.length + spare) / unit);
  const sectorCount = (Math.max(blocks, 1) * unit) / SECTOR_BYTES;
  const machine = new Machine({ slots: [{ ...disk, sectorCount }] });
  machine.boot();
  place(machine, bytes, offset);
  return machine;
}

function place(machine: Machine, bytes: Uint8Array, offset = 0): void {
  const image = new Uint8Array(machine.disk().store.sectorCount * SECTOR_BYTES);
  image.set(bytes, offset);
  machine.disk().store.place(0, image);
}

/** What a command prints, without the echo. */
function run(machine: Machine, line: string): string {
  const output = machine.send(line).replaceAll("\r", "");
  assert.equal(machine.end, undefined);
  return output.slice(output.indexOf("\n") + 1);
}

/** As `run`, for a file in which all is in bounds. */
function runBounded(machine: Machine, line: string): string {
  const before = machine.clock.nowNs;
  const output = run(machine, line);
  const tookNs = machine.clock.nowNs - before;
  assert.ok(tookNs < LIMIT_NS, `${line} took ${tookNs} ns: ${output}`);
  return output;
}

const line = (output: string, label: string): string =>
  new RegExp(`^  ${label} +(.*)$`, "m").exec(output)?.[1] ?? `no ${label} in ${output}`;

/** CRC32C of the tensors in the order of the disk. */
function crcOf({ bytes, dataStart, extents }: file.Gguf): string {
  const inOrder = [...extents].sort((a, b) => a.offset - b.offset);
  const crc = inOrder.reduce((sum, { offset, lengthBytes }) => {
    const from = dataStart + offset;
    return crc32c(sum, bytes.subarray(from, from + lengthBytes));
  }, 0);
  return crc.toString(16).padStart(8, "0");
}

const VOCABULARIES = { llama: llamaVocabulary(), gpt2: gpt2Vocabulary() } as const;

// What is right

/** What the parser from npm says of a file, in the words of loadmodel. */
async function confirmed(t: TestContext, bytes: Uint8Array): Promise<Record<string, string>> {
  const path = "build/test/loadmodel.gguf";
  mkdirSync("build/test", { recursive: true });
  writeFileSync(path, bytes);
  t.after(() => rmSync(path, { force: true }));
  const options = { allowLocalFile: true, computeParametersCount: true } as const;
  const { metadata, tensorInfos, parameterCount, tensorDataOffset } = await gguf(path, options);
  const values: Record<string, unknown> = { ...metadata };
  const tokens = values["tokenizer.ggml.tokens"];
  const types = new Map<number, number>();
  for (const { dtype } of tensorInfos) types.set(dtype, (types.get(dtype) ?? 0) + 1);
  return {
    head: [
      `GGUF version ${metadata.version}`,
      `${metadata.kv_count} metadata entries`,
      `${metadata.tensor_count} tensors`,
    ].join(", "),
    architecture: String(metadata["general.architecture"]),
    parameters: String(parameterCount),
    vocabulary: Array.isArray(tokens) ? `${tokens.length} tokens` : "none",
    dataStart: `from byte ${tensorDataOffset} of the file`,
    types: [...types]
      .sort(([a], [b]) => a - b)
      .map(([type, count]) => `${GGMLQuantizationType[type]} ${count}`)
      .join(", "),
  };
}

function said(output: string): Record<string, string> {
  const types = [...output.matchAll(/^  (?:quantisation| {12}) +(\S+) +(\d+) tensors?, /gm)];
  return {
    head: /^vda: (.*)$/m.exec(output)?.[1] ?? output,
    architecture: line(output, "architecture"),
    parameters: line(output, "parameters"),
    vocabulary: line(output, "vocabulary").replace(/, .*/, ""),
    dataStart: line(output, "tensor data").replace(/.*, /, ""),
    types: types.map(([, name, count]) => `${name} ${count}`).join(", "),
  };
}

for (const version of [2, 3]) {
  for (const transport of [1, 2] as Version[]) {
    const name = `GGUF ${version}, transport ${transport}`;
    test(`loadmodel: ${name}: all types, as another parser has them`, async (t) => {
      const entries = [...file.everyValue(), ...VOCABULARIES.llama.entries];
      const tensors = file.everyTensor();
      const model = file.makeModel({ version, entries, tensors, alignment: 64 });
      const output = runBounded(machineWith(model.bytes, { version: transport }), "loadmodel");
      assert.deepEqual(said(output), await confirmed(t, model.bytes));
      assert.ok(output.includes(`crc32c ${crcOf(model)}`), output);
    });
  }
}

test("loadmodel: each type of tensor has the bytes that it should have", () => {
  const tensors = file.everyTensor();
  const output = run(machineWith(file.makeModel({ tensors }).bytes), "loadmodel");
  for (const [type, [name, elements]] of file.TENSOR_TYPES) {
    if (type === 0) continue;
    const tensor = tensors.find((each) => each.type === type)!;
    const bytes = file.tensorBytes(tensor);
    const text = `${name.padEnd(8)} 1 tensor, ${elements * 6} parameters, ${bytes} bytes`;
    assert.ok(output.includes(` ${text}\n`), `${text} in ${output}`);
  }
});

test("loadmodel: a file of vocabulary only has no parameters", async (t) => {
  const { bytes } = file.makeModel({ entries: VOCABULARIES.gpt2.entries });
  const output = run(machineWith(bytes), "loadmodel");
  assert.deepEqual(said(output), await confirmed(t, bytes));
  assert.match(output, /read 0 bytes of tensors .*crc32c 00000000/);
});

test("loadmodel: the smallest file says that nothing is given", () => {
  const output = run(machineWith(file.makeGguf({}).bytes), "loadmodel");
  assert.equal(line(output, "architecture"), "not given");
  assert.equal(line(output, "vocabulary"), "none");
});

for (const blkSize of [512, 4096]) {
  for (const offset of [0, 1, 4096, 5000]) {
    test(`loadmodel: at byte ${offset} of a disk with ${blkSize}-byte blocks`, () => {
      const tensors = [4001, 3, 70000].map((dim, i) => ({ name: `t${i}`, dims: [dim], type: 24 }));
      const model = file.makeModel({ tensors });
      const output = run(machineWith(model.bytes, { blkSize }, offset), `loadmodel vda ${offset}`);
      assert.ok(output.includes(`crc32c ${crcOf(model)}`), output);
    });
  }
}

test("loadmodel: tensors out of order, with gaps, over many chunks, are read in disk order", () => {
  const sizes = [3_000_001, 40, 1_048_576, 700_000, 64, 2];
  const places = [64n, 8_000_000n, 3_100_032n, 4_200_000n, 0n, 6_500_000n];
  const tensors = sizes.map((size, i) => ({
    name: `t${i}`,
    dims: [size],
    type: 24,
    offset: (places[i]! / 32n) * 32n,
  }));
  const model = file.makeModel({ tensors });
  const machine = machineWith(model.bytes, {}, 700);
  const output = run(machine, "loadmodel vda 700");
  assert.ok(output.includes(`crc32c ${crcOf(model)}`), output);
});

test("loadmodel: metadata of many windows are walked, however the strings lie in them", () => {
  const items = Array.from({ length: 30_000 }, (_, i) => "x".repeat(i % 57));
  const big = new Uint8Array(700_000).fill(0x61);
  const entries: file.Entry[] = [
    { key: "test.big", type: file.STRING, value: big },
    { key: "tokenizer.ggml.tokens", type: file.ARRAY, value: { type: file.STRING, items } },
    { key: `test.${"k".repeat(60_000)}`, type: file.U8, value: 1 },
  ];
  const model = file.makeModel({ entries, tensors: [{ name: "t", dims: [9], type: 0 }] });
  const output = run(machineWith(model.bytes), "loadmodel");
  assert.equal(line(output, "vocabulary"), "30000 tokens");
  assert.ok(output.includes(`crc32c ${crcOf(model)}`), output);
});

test("loadmodel: many tensors in any order are sorted and read", () => {
  const random = new Prng(4);
  const order = random.shuffle(Array.from({ length: 5000 }, (_, i) => i));
  const tensors = order.map((at) => ({
    name: "t",
    dims: [32],
    type: 24,
    offset: BigInt(at) * 32n,
  }));
  const model = file.makeModel({ tensors });
  const output = run(machineWith(model.bytes), "loadmodel");
  assert.ok(output.includes(`crc32c ${crcOf(model)}`), output);
});

test("loadmodel: control characters of a file do not reach the terminal", () => {
  const entries: file.Entry[] = [
    { key: "general.architecture", type: file.STRING, value: "a\x1b[2J\r" },
    { key: "general.name", type: file.STRING, value: "b\u009bm" },
  ];
  const output = run(machineWith(file.makeGguf({ entries }).bytes), "loadmodel");
  assert.equal(line(output, "architecture"), "a.[2J.");
  assert.equal(line(output, "name"), "b..m");
});

test("loadmodel: a long name is cut", () => {
  const entries = [{ key: "general.name", type: file.STRING, value: "n".repeat(300) }];
  const output = run(machineWith(file.makeGguf({ entries }).bytes), "loadmodel");
  assert.equal(line(output, "name"), `${"n".repeat(64)}...`);
});

// What is wrong with a file

const T: file.Tensor = { name: "t", dims: [32], type: 24 };
const entry = (type: number, value: file.Value, key = "k"): file.GgufOptions => ({
  entries: [{ key, type, value }],
});
const tensor = (changes: Partial<file.Tensor>): file.GgufOptions => ({
  tensors: [{ ...T, ...changes }],
});
const deep = (levels: number): file.ArrayValue => ({
  type: levels > 1 ? file.ARRAY : file.STRING,
  items: levels > 1 ? [deep(levels - 1)] : ["x"],
});

const BROKEN: readonly (readonly [string, file.GgufOptions, string])[] = [
  ["no GGUF file", { magic: "GGML" }, "byte 0 of the file: there is no GGUF file here"],
  ["version 1", { version: 1 }, "byte 4 of the file: version 1 of GGUF is not supported"],
  ["version 4", { version: 4 }, "byte 4 of the file: version 4 of GGUF is not supported"],
  ["big-endian", { version: 0x0300_0000 }, "byte 4 of the file: a big-endian GGUF file is not"],
  [
    "a tensor count near 2^64",
    { tensorCount: U64_MAX },
    `byte 8 of the file: ${U64_MAX} tensors do not fit into the 4072 bytes that are left`,
  ],
  [
    "an entry count near 2^64",
    { entryCount: U64_MAX - 1n },
    `byte 16 of the file: ${U64_MAX - 1n} metadata entries do not fit into the 4072 bytes`,
  ],
  [
    "a key longer than keys are",
    { entries: [{ key: "k".repeat(65536), type: 0, value: 0 }] },
    "byte 24 of the file: the key of a metadata entry has 65536 bytes, more than the 65535",
  ],
  [
    "a value of type 13",
    entry(13, 0),
    "byte 33 of the file: a metadata value has the unknown type 13",
  ],
  [
    "an array of type 99",
    entry(file.ARRAY, { type: 99, items: [] }),
    "byte 37 of the file: an array has elements of the unknown type 99",
  ],
  [
    "an array count near 2^64",
    entry(file.ARRAY, { type: file.U64, items: [], count: U64_MAX / 4n }),
    `byte 41 of the file: an array of ${U64_MAX / 4n} elements does not fit into the 4047 bytes`,
  ],
  [
    "an array of strings that cannot fit",
    entry(file.ARRAY, { type: file.STRING, items: [], count: 506n }),
    "byte 41 of the file: an array of 506 elements does not fit into the 4047 bytes",
  ],
  ["arrays nested too deep", entry(file.ARRAY, deep(9)), "arrays are nested deeper than 8 levels"],
  [
    "a truth value of 2",
    entry(file.BOOL, 2),
    "byte 37 of the file: a truth value is 2, neither 0 nor 1",
  ],
  [
    "an alignment of the wrong type",
    entry(file.U64, 32, "general.alignment"),
    "general.alignment: the value has type 10, it should have type 4",
  ],
  [
    "tokens that are no strings",
    entry(file.ARRAY, { type: file.U8, items: [] }, "tokenizer.ggml.tokens"),
    "tokenizer.ggml.tokens: the value has type 16, it should have type 24",
  ],
  [
    "an alignment of 0",
    entry(file.U32, 0, "general.alignment"),
    "general.alignment: an alignment of 0 bytes is not a multiple of 8",
  ],
  [
    "an alignment of 20",
    entry(file.U32, 20, "general.alignment"),
    "byte 53 of the file, general.alignment: an alignment of 20 bytes is not a multiple of 8",
  ],
  [
    "a key twice",
    { entries: [1, 2].map(() => ({ key: "general.name", type: file.STRING, value: "n" })) },
    "byte 57 of the file, general.name: the key is there a second time",
  ],
  [
    "a tensor with a long name",
    tensor({ name: "n".repeat(256) }),
    "the name of tensor 0 has 256 bytes, more than the 255",
  ],
  [
    "a tensor of five dimensions",
    tensor({ dims: [1, 1, 1, 1, 1] }),
    "byte 33 of the file: tensor 0 has 5 dimensions, more than the 4",
  ],
  [
    "dimensions that overflow",
    tensor({ dims: [1n << 32n, 1n << 32n], offset: 0n }),
    "byte 45 of the file: the dimensions of tensor 0 make more elements than 64 bits can count",
  ],
  [
    "bytes that overflow",
    tensor({ dims: [1n << 62n], type: 28, offset: 0n }),
    "byte 37 of the file: the dimensions of tensor 0 make more elements than 64 bits can count",
  ],
  [
    "a tensor of type 4",
    tensor({ type: 4 }),
    "byte 45 of the file: tensor 0 has the unknown type 4",
  ],
  ["a tensor of type 43", tensor({ type: 43 }), "tensor 0 has the unknown type 43"],
  [
    "a tensor of type 2^32 - 1",
    tensor({ type: 0xffff_ffff }),
    "tensor 0 has the unknown type 4294967295",
  ],
  [
    "half a block",
    tensor({ dims: [48], type: 2 }),
    "byte 37 of the file: tensor 0 has a first dimension of 48 elements, which is no whole number",
  ],
  [
    "a tensor that is not aligned",
    tensor({ offset: 8n }),
    "byte 49 of the file: tensor 0 starts at byte 8 of the tensor data, which is not aligned",
  ],
  [
    "a tensor past the end of the disk",
    tensor({ dims: [4096], offset: 0n }),
    "byte 49 of the file: tensor 0 ends past the end of the disk, it has 4096 bytes",
  ],
  [
    "a tensor at the end of 64 bits",
    tensor({ offset: U64_MAX - 31n }),
    "byte 49 of the file: tensor 0 ends past the end of the disk, it has 32 bytes",
  ],
  [
    "tensors that overlap by a byte",
    { tensors: [T, { ...T, dims: [65], offset: 64n }, { ...T, offset: 128n }] },
    "byte 115 of the file: tensor 2 starts within tensor 1",
  ],
  [
    "tensors at the same place",
    { tensors: [T, { ...T, offset: 0n }] },
    "byte 82 of the file: tensor 1 starts within tensor 0",
  ],
  [
    "a tensor around another one",
    {
      tensors: [
        { ...T, offset: 64n },
        { ...T, dims: [200], offset: 0n },
      ],
    },
    "byte 49 of the file: tensor 0 starts within tensor 1",
  ],
];

const DISK_BYTES = 4096;

for (const [name, options, expected] of BROKEN) {
  test(`loadmodel: ${name}: the place and the cause are said`, () => {
    const { bytes } = file.makeGguf(options);
    const spare = Math.max(0, DISK_BYTES - bytes.length);
    const held =
      bytes.length > DISK_BYTES && !name.includes("key") ? bytes.slice(0, DISK_BYTES) : bytes;
    const output = runBounded(machineWith(held, {}, 0, spare), "loadmodel");
    assert.ok(output.startsWith("loadmodel: vda, byte "), output);
    assert.ok(output.includes(expected), output);
    assert.equal(output.trim().split("\n").length, 1, output);
  });
}

/** A file with a string at byte 41, whose length stands before it. */
for (const length of [U64_MAX, U64_MAX - 40n, 1n << 63n, 4056n]) {
  test(`loadmodel: a string of ${length} bytes is refused`, () => {
    const { bytes } = file.makeGguf(entry(file.STRING, "abcd"));
    new DataView(bytes.buffer).setBigUint64(37, length, true);
    const output = runBounded(machineWith(bytes, {}, 0, DISK_BYTES - bytes.length), "loadmodel");
    const expected = `byte 37 of the file: a string of ${length} bytes is longer than the 4051`;
    assert.ok(output.includes(expected), output);
  });
}

test("loadmodel: more tensors or entries than there is room for are refused", () => {
  const machine = machineWith(new Uint8Array(3 << 20));
  place(machine, file.makeGguf({ tensorCount: 65537n }).bytes);
  assert.match(runBounded(machine, "loadmodel"), /65537 tensors are more than the 65536/);
  place(machine, file.makeGguf({ entryCount: 65537n }).bytes);
  assert.match(runBounded(machine, "loadmodel"), /65537 metadata entries are more than the 65536/);
});

test("loadmodel: metadata that go on and on come to an end", () => {
  const items = 6_000_000;
  const head = file.makeGguf(
    entry(file.ARRAY, { type: file.STRING, items: [], count: BigInt(items) }),
  );
  const machine = machineWith(head.bytes, {}, 0, items * 8);
  const output = run(machine, "loadmodel");
  assert.match(output, /the metadata have more than 4194304 strings and arrays in arrays/);
});

test("loadmodel: an empty disk, one of zeroes and one of noise hold no file", () => {
  const noise = new Prng(7).bytes(8192);
  const machine = machineWith(noise);
  assert.match(
    runBounded(machine, "loadmodel"),
    /vda, byte 0 of the file: there is no GGUF file here/,
  );
  assert.match(runBounded(machine, "loadmodel vda 8192"), /24 bytes are needed and 0 are left/);
  assert.match(runBounded(machine, "loadmodel vda 0x7fffffffffffffff"), /needed and 0 are left/);
  place(machine, new Uint8Array(0));
  assert.match(runBounded(machine, "loadmodel"), /there is no GGUF file here/);
});

test("loadmodel: cut off at any byte, a file is refused with the place", () => {
  const entries = [...file.everyValue(), { key: "general.alignment", type: file.U32, value: 8 }];
  const tensors = [T, { ...T, dims: [32, 2], type: 2 }, { ...T, dims: [3] }];
  const { bytes, dataStart } = file.makeGguf({ entries, tensors, alignment: 8 });
  const machine = machineWith(bytes);
  const diskBytes = machine.disk().store.sectorCount * SECTOR_BYTES;
  for (let length = 0; length < bytes.length; length++) {
    const offset = diskBytes - length;
    place(machine, bytes.subarray(0, length), offset);
    const output = runBounded(machine, `loadmodel vda ${offset}`);
    const [, at] = /^loadmodel: vda, byte (\d+) of the file: /.exec(output) ?? [];
    assert.ok(
      at !== undefined && Number(at) <= Math.min(length, dataStart),
      `${length}: ${output}`,
    );
    assert.match(output, /the disk ends|left of the disk|past the end of the disk/, `${length}`);
  }
});

test("loadmodel: 3000 files with random changes end in time, and leave the shell in order", () => {
  const seed = Number(process.env["SEED"] ?? 41);
  const random = new Prng(seed);
  const entries = [...file.everyValue(), ...gpt2Vocabulary(12).entries];
  const sound = [
    file.makeModel({ entries, tensors: file.everyTensor().slice(0, 6) }).bytes,
    file.makeModel({ entries: llamaVocabulary(12).entries, tensors: [T, T, T] }).bytes,
  ];
  const machine = machineWith(sound[0]!.length > sound[1]!.length ? sound[0]! : sound[1]!);
  for (let round = 0; round < 3000; round++) {
    const bytes = mutate(sound[round % 2]!, random);
    place(machine, bytes);
    const command = round % 5 === 0 ? 'loadmodel --tokens "it\'s the größte dog"' : "loadmodel";
    const output = runBounded(machine, command);
    const isWhole = /crc32c [0-9a-f]{8}\n$|^\d+ tokens\n$/m.test(output);
    assert.ok(isWhole || output.startsWith("loadmodel: vda, byte "), `${seed}/${round}: ${output}`);
  }
  place(machine, sound[1]!);
  assert.match(run(machine, "loadmodel"), /crc32c/);
});

/** Changes a few places: a byte, a number that is large or small, a piece moved or cut off. */
function mutate(sound: Uint8Array, random: Prng): Uint8Array {
  const bytes = sound.slice();
  const view = new DataView(bytes.buffer);
  const numbers = [0n, 1n, 255n, 0xffff_ffffn, 1n << 31n, 1n << 63n, U64_MAX, U64_MAX - 31n];
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const inHead = random.below(4) === 0;
    const at = random.below(inHead ? 400 : bytes.length - 8);
    const kind = random.below(5);
    if (kind === 0) bytes[at]! ^= 1 << random.below(8);
    else if (kind === 1) view.setBigUint64(at, numbers[random.below(numbers.length)]!, true);
    else if (kind === 2) view.setUint32(at, random.below(64), true);
    else if (kind === 3)
      bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
    else bytes.fill(0, at, at + random.below(64));
  }
  return bytes;
}

// What is wrong with a disk, and with a user

test("loadmodel: an I/O error in the metadata or the tensors is said with its place", () => {
  const model = file.makeModel({ tensors: [{ ...T, dims: [5_000_000] }] });
  const machine = machineWith(model.bytes);
  const { faults } = machine.disk();
  faults.onRequest(startingIn(0, 0), { status: 1 }, 1);
  const cause = "device reported an I/O error";
  assert.match(
    run(machine, "loadmodel"),
    new RegExp(`^loadmodel: read at byte 0 on vda: ${cause}`),
  );
  faults.onRequest(startingIn(6000, 9000), { status: 1 }, 1);
  const output = run(machine, "loadmodel");
  assert.match(output, new RegExp(`loadmodel: read at byte \\d+ on vda: ${cause}\\n$`));
  assert.ok(run(machine, "loadmodel").includes(`crc32c ${crcOf(model)}`));
});

test("loadmodel: Ctrl-C ends it at once and leaves the disk usable", () => {
  const model = file.makeModel({ tensors: [{ ...T, dims: [8_000_000] }] });
  // Without the checksum of the host slices are short, so that there is a middle to stop in
  const machine = new Machine({ slots: [{ sectorCount: 16384 }], lendsChecksum: false });
  machine.boot();
  place(machine, model.bytes);
  const { faults, engine } = machine.disk();
  for (const held of [false, true]) {
    for (const byte of Buffer.from("loadmodel\r")) machine.receive(byte);
    for (let i = 0; i < 12; i++) machine.step();
    faults.isHolding = held;
    for (let i = 0; i < 80; i++) machine.step();
    machine.receive(CTRL_C);
    machine.console.mark();
    for (let i = 0; i < 9; i++) machine.step();
    // The disk still has memory of the command, so the command has not ended
    assert.equal(machine.console.fresh.includes(PROMPT), !held);
    faults.isHolding = false;
    engine.releaseAll();
    machine.run();
    assert.match(machine.console.fresh, /loadmodel: interrupted after \d+ bytes of tensors/);
  }
  assert.ok(run(machine, "loadmodel").includes(`crc32c ${crcOf(model)}`));
});

test("loadmodel: progress is shown on a slow disk, and taken away", () => {
  const model = file.makeModel({ tensors: [{ ...T, dims: [4_000_000] }] });
  const machine = machineWith(model.bytes);
  machine.disk().faults.onRequest(ofType(IN), { delayNs: 0.4 * S });
  const raw = machine.send("loadmodel");
  assert.match(raw, /\r  reading \d of 3 MiB, \d+ %/);
  assert.match(raw, /\r +\r  read 4000000 bytes of tensors in \d+\.\d{3} s, \d+ MB\/s, crc32c/);
});

test("loadmodel: wrong operands are refused", () => {
  const machine = machineWith(file.makeGguf({}).bytes);
  assert.match(run(machine, "loadmodel vdb"), /^loadmodel: vdb: no such disk/);
  assert.match(run(machine, "loadmodel vda x"), /^loadmodel: offset 'x': not a number/);
  assert.match(
    run(machine, "loadmodel vda 0 0"),
    /^loadmodel: extra operand '0'; usage:\n  loadmodel/,
  );
  assert.match(
    run(machine, "loadmodel --tokens"),
    /^loadmodel: missing operand; usage:\n  loadmodel/,
  );
  assert.match(run(machine, "loadmodel --tokens a vda 0 0"), /^loadmodel: extra operand '0'/);
  const notText = Uint8Array.of(...Buffer.from("loadmodel --tokens a"), 0xff);
  assert.match(machine.send(notText), /loadmodel: the text: not valid UTF-8/);
});

// Tokens

type Kind = keyof typeof VOCABULARIES;

function tokenMachine(kind: Kind, extra: file.Entry[] = []): Machine {
  const entries = [...VOCABULARIES[kind].entries, ...extra];
  return machineWith(file.makeModel({ entries }).bytes, {}, 0, 2048);
}

/** The tokens that loadmodel makes of a text. */
function tokensOf(machine: Machine, text: string): number[] {
  const output = runBounded(machine, `loadmodel --tokens "${text}"`);
  const tokens = [...output.matchAll(/^ *(\d+)  \|.*\|$/gm)].map(([, token]) => Number(token));
  assert.match(output, new RegExp(`^${tokens.length} tokens$`, "m"), output);
  return tokens;
}

const PIECES = [
  ..."the quick brown fox jumps over lazy dog's we'll they're isn't I'd 've 'm".split(" "),
  ..."hello größer größte Maß naïve café 日本語 テスト 42 1990s ... !? — “x” 😀 A1b2 can't 'tis".split(
    " ",
  ),
];

function randomText(random: Prng): string {
  const parts = Array.from({ length: random.below(14) }, () => {
    const gap = [" ", " ", " ", "  ", "", "   "][random.below(6)]!;
    return gap + PIECES[random.below(PIECES.length)]!;
  });
  return parts.join("");
}

for (const kind of ["llama", "gpt2"] as const) {
  test(`loadmodel --tokens: ${kind}: 300 random texts, as a plain implementation has them`, () => {
    const random = new Prng(19);
    const machine = tokenMachine(kind);
    for (let i = 0; i < 300; i++) {
      const text = randomText(random);
      const vocabulary = VOCABULARIES[kind];
      const expected =
        kind === "llama" ? llamaTokens(vocabulary, text) : gpt2Tokens(vocabulary, text);
      assert.deepEqual(tokensOf(machine, text), expected, JSON.stringify(text));
    }
  });

  test(`loadmodel --tokens: ${kind}: a word as long as a line ends in time`, () => {
    const machine = tokenMachine(kind);
    const text = "dogfoxthe".repeat(100);
    const expected =
      kind === "llama"
        ? llamaTokens(VOCABULARIES.llama, text)
        : gpt2Tokens(VOCABULARIES.gpt2, text);
    assert.deepEqual(tokensOf(machine, text), expected);
  });

  test(`loadmodel --tokens: ${kind}: no text, no tokens but that of the start`, () => {
    assert.deepEqual(tokensOf(tokenMachine(kind), ""), kind === "llama" ? [1] : []);
  });
}

test("loadmodel --tokens: what the metadata say of start, end and the space before", () => {
  const flag = (name: string, value: boolean): file.Entry => ({
    key: `tokenizer.ggml.${name}`,
    type: file.BOOL,
    value,
  });
  const vocabulary = VOCABULARIES.llama;
  const bare = tokenMachine("llama", [
    flag("add_bos_token", false),
    flag("add_space_prefix", false),
  ]);
  assert.deepEqual(tokensOf(bare, "the dog"), llamaTokens(vocabulary, "the dog", false).slice(1));
  const closed = tokenMachine("llama", [flag("add_eos_token", true)]);
  assert.deepEqual(tokensOf(closed, "the dog"), [...llamaTokens(vocabulary, "the dog"), 2]);
});

test("loadmodel --tokens: the text of a token is shown as a person reads it", () => {
  const output = run(tokenMachine("gpt2"), 'loadmodel --tokens "the größte dog"');
  assert.match(output, /\|the\|\n.*\| größte\|\n.*\| dog\|\n3 tokens/);
  assert.match(
    run(tokenMachine("llama"), 'loadmodel --tokens "the ж"'),
    /\|<0xD0>\|\n.*\|<0xB6>\|/,
  );
});

test("loadmodel --tokens: another way of splitting than GPT-2's is said", () => {
  const entries = VOCABULARIES.gpt2.entries.map((each) =>
    each.key.endsWith(".pre") ? { ...each, value: "llama-bpe" } : each,
  );
  const machine = machineWith(file.makeModel({ entries }).bytes);
  const output = run(machine, 'loadmodel --tokens "the dog"');
  assert.match(output, /the text is split as gpt-2 does, the vocabulary asks for llama-bpe/);
});

/** Vocabularies that cannot be used: the entries that differ, and what is said. */
const strings = (items: readonly string[]): file.Value => ({ type: file.STRING, items });
const withValue = (kind: Kind, key: string, value: file.Value | undefined): file.Entry[] =>
  VOCABULARIES[kind].entries
    .filter((each) => value !== undefined || each.key !== `tokenizer.ggml.${key}`)
    .map((each) => (each.key === `tokenizer.ggml.${key}` ? { ...each, value: value! } : each));

const count = VOCABULARIES.llama.tokens.length;
const scoresWith = (at: number, score: number): file.Value => ({
  type: file.F32,
  items: VOCABULARIES.llama.scores.map((each, i) => (i === at ? score : each)),
});

const UNUSABLE: readonly (readonly [string, file.Entry[], RegExp])[] = [
  ["none", [], /the file has no vocabulary/],
  ["an empty one", withValue("llama", "tokens", strings([])), /the file has no vocabulary/],
  [
    "of no tokenizer",
    withValue("llama", "model", undefined),
    /tokenizer.ggml.model: the tokenizer of/,
  ],
  ["of tokenizer bert", withValue("llama", "model", "bert"), /is neither llama nor gpt2/],
  [
    "without scores",
    withValue("llama", "scores", undefined),
    new RegExp(`0 scores for ${count} tokens`),
  ],
  [
    "with a score that is no number",
    withValue("llama", "scores", scoresWith(77, NaN)),
    /the score of token 77 is not a number/,
  ],
  ["without merges", withValue("gpt2", "merges", undefined), /has no merges/],
  [
    "with a merge of one part",
    withValue("gpt2", "merges", strings(["t h", "th"])),
    /merge 1 does not consist of two parts/,
  ],
  [
    "with a merge of what is no token",
    withValue("gpt2", "merges", strings(["t h", "th zzz"])),
    /a part of merge 1 is no token/,
  ],
  [
    "with a token that is longer than tokens are",
    withValue(
      "llama",
      "tokens",
      strings(VOCABULARIES.llama.tokens.map((each, i) => (i === 5 ? "x".repeat(4097) : each))),
    ),
    /entry 5 of the vocabulary has 4097 bytes of text/,
  ],
  [
    "with a start that is no token",
    VOCABULARIES.llama.entries.map((each) =>
      each.key.endsWith("bos_token_id") ? { ...each, value: 99999 } : each,
    ),
    new RegExp(`token 99999 is not in the vocabulary of ${count} tokens`),
  ],
  [
    "without a token for a byte",
    withValue("gpt2", "tokens", strings(["t", "h", "th"])).map((each) =>
      each.key.endsWith("merges") ? { ...each, value: strings(["t h"]) } : each,
    ),
    /there is no token for the byte 101 of the text/,
  ],
];

for (const [name, entries, expected] of UNUSABLE) {
  test(`loadmodel --tokens: a vocabulary ${name} is refused`, () => {
    const output = runBounded(
      machineWith(file.makeModel({ entries }).bytes),
      "loadmodel --tokens the",
    );
    assert.match(output, /^loadmodel: vda, byte \d+ of the file/);
    assert.match(output, expected);
  });
}

test("loadmodel --tokens: scores of infinity and of both zeroes are compared as numbers", () => {
  const tokens = ["<unk>", "<s>", "</s>", "a", "b", "c", "ab", "bc", "abc", "\u2581"];
  for (const [ab, bc, expected] of [
    [-Infinity, -1e38, [3, 7]],
    [0, -0, [6, 5]],
    [-0, 0, [6, 5]],
    [1e-40, 1, [3, 7]],
    [-2, -1, [3, 7]],
    [Infinity, 3e38, [6, 5]],
  ] as const) {
    const scores = tokens.map((token) => (token === "ab" ? ab : token === "bc" ? bc : 0));
    const kept = tokens.map((token) => (token === "abc" ? "~" : token));
    const entries: file.Entry[] = [
      { key: "tokenizer.ggml.model", type: file.STRING, value: "llama" },
      { key: "tokenizer.ggml.tokens", type: file.ARRAY, value: strings(kept) },
      { key: "tokenizer.ggml.scores", type: file.ARRAY, value: { type: file.F32, items: scores } },
    ];
    const machine = machineWith(file.makeModel({ entries }).bytes);
    assert.deepEqual(tokensOf(machine, "abc"), [1, 9, ...expected], `${ab} ${bc}`);
  }
});

test("loadmodel --tokens: a vocabulary larger than the memory is refused before it is read", () => {
  const entries: file.Entry[] = [
    { key: "tokenizer.ggml.model", type: file.STRING, value: "gpt2" },
    { key: "tokenizer.ggml.merges", type: file.ARRAY, value: strings([]) },
    {
      key: "tokenizer.ggml.tokens",
      type: file.ARRAY,
      value: { type: file.STRING, items: [], count: 2_000_000n },
    },
  ];
  const { bytes } = file.makeModel({ entries });
  const machine = machineWith(bytes, {}, 0, 16_000_000);
  const output = run(machine, "loadmodel --tokens the");
  assert.match(output, /a vocabulary of 2000000 tokens and 0 merges is too large for the memory/);
});

test("loadmodel --tokens: 128,000 tokens and 280,000 merges fit, more text does not", () => {
  const letters = VOCABULARIES.gpt2.tokens.slice(0, 256);
  const words = Array.from({ length: 127_744 }, (_, i) => `w${i}`);
  const merges = Array.from(
    { length: 280_000 },
    (_, i) => `${letters[i % 256]} ${words[i % 127_744]}`,
  );
  const entries = (tokens: string[]): file.Entry[] => [
    { key: "tokenizer.ggml.model", type: file.STRING, value: "gpt2" },
    { key: "tokenizer.ggml.tokens", type: file.ARRAY, value: strings(tokens) },
    { key: "tokenizer.ggml.merges", type: file.ARRAY, value: strings(merges) },
  ];
  const machine = machineWith(file.makeModel({ entries: entries([...letters, ...words]) }).bytes);
  assert.match(run(machine, 'loadmodel --tokens "hi"'), /\|h\|\n.*\|i\|\n2 tokens/);
  const long = words.map((word) => word.padEnd(40, "x"));
  const { bytes } = file.makeModel({ entries: entries([...letters, ...long]) });
  assert.match(
    run(machineWith(bytes), "loadmodel --tokens hi"),
    /the text of 128000 tokens is too long/,
  );
});

/** The driver's hash of a text, to make texts that fall on one place of a table of `slotCount`. */
function slotOf(text: string, slotCount: number): number {
  const bytes = Buffer.from(text);
  let hash = bytes.length;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(hash ^ bytes.readUInt32LE(at), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  if (bytes.length - at >= 2) hash = Math.imul(hash ^ bytes.readUInt16LE(at), 0x9e3779b1);
  if (bytes.length & 1) hash = Math.imul(hash ^ bytes[bytes.length - 1]! ^ 0x100, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return Math.floor((((hash ^ (hash >>> 16)) >>> 0) * slotCount) / 2 ** 32);
}

test("loadmodel --tokens: a vocabulary made to crowd its hash table is refused", () => {
  const slotCount = 4000 + Math.floor(4000 / 3) + 1;
  const crowd: string[] = [];
  for (let i = 0; crowd.length < 4000; i++) {
    if (slotOf(`t${i}`, slotCount) < 50) crowd.push(`t${i}`);
  }
  const entries: file.Entry[] = [
    { key: "tokenizer.ggml.model", type: file.STRING, value: "gpt2" },
    { key: "tokenizer.ggml.merges", type: file.ARRAY, value: strings([]) },
    { key: "tokenizer.ggml.tokens", type: file.ARRAY, value: strings(crowd) },
  ];
  const output = run(machineWith(file.makeModel({ entries }).bytes), "loadmodel --tokens the");
  assert.match(output, /too many entries of the vocabulary fall on the same place of a table/);
});
