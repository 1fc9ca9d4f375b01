/**
 * Files and lines of TypeScript in the kernel: what scripts/module_lines.ts makes of a source map,
 * and that shim/line_table.c, on the host under sanitizers, finds what the source map says in the
 * table that is embedded.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { type LineMap, isMarked, moduleLines } from "../scripts/module_lines.js";
import { type TestScope, makeFolder } from "./qemu/images.js";
import { QemuMachine } from "./qemu/qemu.js";
import { OP, functionType, leb, section, vector } from "./shim/wasm_bytes.js";
import { WasmReader, moduleBytes } from "./shim/wasm_reader.js";

const MODULE = "build/driver.wasm";
const TABLE = "build/shim/lines.deflate";
const FOLDER = "build/tests/lines";
const DECODER = `${FOLDER}/line_table_test`;
const EXPANDED = `${FOLDER}/table`;
const HEAD_BYTES = 4;
const TIMEOUT_MS = 60_000;
const PANIC_STATUS = 70;
const I32_STORE = 0x36;
const [I32, EMPTY] = [0x7f, 0x40];

function runWell(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 24,
  });
  assert.equal(status, 0, `${command}\n${stdout}${stderr}`);
  return stdout;
}

/** Compiles the decoder, and expands the driver's table beside it. */
function makeDecoder(): void {
  mkdirSync(FOLDER, { recursive: true });
  const flags = ["-std=c11", "-g", "-O2", "-Wall", "-Wextra", "-Werror"];
  const sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  runWell("cc", ...flags, ...sanitize, "-o", DECODER, "tests/shim/line_table_test.c");
  writeFileSync(EXPANDED, inflateRawSync(readFileSync(TABLE).subarray(HEAD_BYTES)));
}

/** What the kernel would find at these offsets in the driver's table, `file:line` or `none`. */
function lookUp(t: TestScope, offsets: readonly number[]): string[] {
  const path = join(makeFolder(t), "offsets");
  writeFileSync(path, Buffer.from(Uint32Array.from(offsets).buffer));
  return runWell(DECODER, EXPANDED, MODULE, path).split("\n").slice(0, offsets.length);
}

function readMap(): SourceMap {
  return new SourceMap(JSON.parse(readFileSync(`${MODULE}.map`, "utf8")));
}

describe("line table: in the kernel", () => {
  before(makeDecoder);

  test("it has the length that is said of it", () => {
    const file = readFileSync(TABLE);
    const table = inflateRawSync(file.subarray(HEAD_BYTES));
    assert.equal(table.length, file.readUInt32LE());
  });

  test("each marked instruction of the driver has the line that the source map says", (t) => {
    const map = readMap();
    const placed = moduleLines(readFileSync(MODULE), map);
    const marked = placed.flat().filter(({ op }) => isMarked(op));
    const found = lookUp(
      t,
      marked.map(({ offset }) => offset),
    );
    const inMap = marked.map(({ offset }) => {
      const entry = map.findEntry(0, offset);
      return "originalSource" in entry && entry.originalSource
        ? `${entry.originalSource}:${entry.originalLine + 1}`
        : undefined;
    });
    let mapped = 0;
    for (const [index, { op, offset, place }] of marked.entries()) {
      const expected = place ? `${place.file}:${place.line}` : "none";
      assert.equal(found[index], expected, `offset ${offset}`);
      if (inMap[index] === undefined || op === OP.loop) continue;
      assert.equal(found[index], inMap[index], `offset ${offset}`);
      mapped++;
    }
    assert.ok(marked.length > 10_000 && mapped > 4000, `${mapped} of ${marked.length}`);
  });

  test("an offset inside a function has the line of the marked instruction before it", (t) => {
    const offsets: number[] = [];
    const expected: string[] = [];
    for (const instructions of moduleLines(readFileSync(MODULE), readMap())) {
      let last = instructions.find(({ op }) => isMarked(op)) ?? instructions[0]!;
      for (const each of instructions.slice(0, 40)) {
        if (isMarked(each.op)) last = each;
        offsets.push(each.offset);
        expected.push(last.place ? `${last.place.file}:${last.place.line}` : "none");
      }
    }
    assert.deepEqual(lookUp(t, offsets), expected);
  });

  test("what is no code has no line", (t) => {
    const module = readFileSync(MODULE);
    const { sections } = new WasmReader(module);
    const code = sections.find(({ id }) => id === 10)!.content;
    const start = code.byteOffset - module.byteOffset;
    const end = start + code.length;
    const offsets = [0, 8, start - 1, start, end, module.length - 1, module.length, 0xffffffff];
    assert.deepEqual(lookUp(t, offsets), Array<string>(offsets.length).fill("none"));
  });

  test("no damaged table or module leads out of bounds", () => {
    runWell(DECODER, EXPANDED, MODULE);
  });

  test("a table of another length than it says is a panic", async (t) => {
    const kernel = readFileSync("build/tsblk.elf");
    const place = kernel.indexOf(readFileSync(TABLE));
    assert.ok(place > 0);
    kernel.writeUInt32LE(kernel.readUInt32LE(place) + 1, place);
    const path = join(makeFolder(t), "damaged.elf");
    writeFileSync(path, kernel);
    const machine = new QemuMachine(t, { kernel: path, mayPanic: true });
    assert.equal(await machine.exit(), PANIC_STATUS);
    assert.match(machine.log, /^TSBLK: panic: module: lines: /m);
  });

  test("a module without a source map has an empty table", (t) => {
    const folder = makeFolder(t);
    writeFileSync(join(folder, "a.wasm"), moduleBytes([]));
    runWell("node", "build/node/scripts/line_table.js", join(folder, "a.wasm"), join(folder, "a"));
    assert.deepEqual(readFileSync(join(folder, "a")), Buffer.alloc(HEAD_BYTES));
  });
});

describe("module lines: an instruction that the source map is silent about", () => {
  /** Two functions: one that has `code` and a parameter, and one that gives a number. */
  function moduleOf(code: number[]): Uint8Array {
    const bodies = [code, [OP.i32Const, 1]].map((body) => [0, ...body, OP.end]);
    const sections = [
      section(1, vector([functionType([I32], []), functionType([], [I32])])),
      section(3, vector([[0], [1]])),
      section(10, vector(bodies.map((body) => [...leb(body.length), ...body]))),
    ];
    return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
  }

  /** The lines of `code`, if the source map says those in `known`, by opcode, and no others. */
  function linesOf(code: number[], known: Record<number, number>): (number | undefined)[] {
    const module = moduleOf(code);
    const map: LineMap = {
      findEntry: (_, column) => {
        const line = known[module[column]!];
        if (line === undefined) return {};
        const original = { originalSource: "a.ts", originalLine: line - 1, originalColumn: 0 };
        return { generatedLine: 0, generatedColumn: column, ...original };
      },
    };
    return moduleLines(module, map)[0]!.map(({ place }) => place?.line);
  }

  const STORE = [OP.localGet, 0, OP.call, 1, I32_STORE, 2, 0];

  test("has the line of its first operand, not that of the one before it", () => {
    const lines = linesOf(STORE, { [OP.localGet]: 10, [OP.call]: 70 });
    assert.deepEqual(lines.slice(0, 3), [10, 70, 10]);
  });

  test("has the line before it when it has no operand", () => {
    const code = [...STORE, OP.call, 1, OP.drop];
    assert.deepEqual(linesOf(code, { [OP.localGet]: 10 }).slice(3, 5), [10, 10]);
  });

  test("has the line behind it at the start of the function", () => {
    assert.deepEqual(linesOf(STORE, { [OP.call]: 70 }).slice(0, 3), [70, 70, 70]);
  });

  test("has the line of what it does first when it is a loop", () => {
    const code = [...STORE, OP.loop, EMPTY, OP.localGet, 0, OP.brIf, 0, OP.end];
    const lines = linesOf(code, { [OP.localGet]: 10, [OP.call]: 70 });
    assert.deepEqual(lines.slice(1, 5), [70, 10, 10, 10]);
  });

  test("has no line where nothing in the function has one", () => {
    assert.deepEqual(new Set(linesOf(STORE, {})), new Set([undefined]));
  });
});
