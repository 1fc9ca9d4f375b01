/**
 * Writes the table from which shim/line_table.c, which describes it, reads file and line of an
 * instruction. The kernel holds it compressed: its length (u32, little endian), then a raw DEFLATE
 * stream. Of a module without a source map beside it the length is 0.
 *
 *     node build/node/scripts/line_table.js build/driver.wasm build/shim/lines.deflate
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";
import { constants, deflateRawSync } from "node:zlib";
import { leb } from "../tests/shim/wasm_bytes.js";
import { type Place, type PlacedInstruction, isMarked, moduleLines } from "./module_lines.js";

const FILES_MAX = 255;
const HEAD_BYTES = 4;

/** The parts of the table, in order; each compresses best by itself. */
interface LineTable {
  head: number[];
  names: number[];
  steps: number[];
  files: number[];
  lines: number[];
}

/** A place, and how many marked instructions of the function lie before the first one there. */
interface Row {
  readonly index: number;
  readonly place: Place;
}

/** One row for each run of marked instructions with one place; the first one is of index 0. */
function rowsOf(instructions: readonly PlacedInstruction[]): Row[] {
  const marked = instructions.filter(({ op }) => isMarked(op));
  const rows: Row[] = [];
  for (const [index, { place }] of (marked[0] ? marked : instructions.slice(0, 1)).entries()) {
    const last = rows.at(-1)?.place;
    if (place && (place.file !== last?.file || place.line !== last.line)) {
      rows.push({ index, place });
    }
  }
  return rows;
}

class LineTableWriter {
  private readonly steps: number[] = [];
  private readonly files: number[] = [];
  private readonly lines: number[] = [];
  /** Names in the order in which they are first used, and with the last used one in front. */
  private readonly names: string[] = [];
  private readonly recent: string[] = [];
  private readonly lastLine = new Map<string, number>();

  addFunction(rows: readonly Row[]): void {
    this.steps.push(...leb(rows.length));
    let last = 0;
    for (const { index, place } of rows) {
      if (index !== 0) this.steps.push(...leb(index - last));
      last = index;
      this.addPlace(place);
    }
  }

  finish(): LineTable {
    const { steps, files, lines } = this;
    const names = [...Buffer.from(this.names.map((name) => `${name}\0`).join(""))];
    const head = [names.length, steps.length, files.length].flatMap((each) => leb(each));
    return { head, names, steps, files, lines };
  }

  private addPlace({ file, line }: Place): void {
    if (!this.names.includes(file)) {
      this.names.push(file);
      this.recent.push(file);
    }
    const rank = this.recent.indexOf(file);
    this.recent.splice(rank, 1);
    this.recent.unshift(file);
    this.files.push(rank);
    const change = line - (this.lastLine.get(file) ?? 0);
    this.lines.push(...leb(change < 0 ? -2 * change - 1 : 2 * change));
    this.lastLine.set(file, line);
    if (this.names.length > FILES_MAX) throw new Error(`more than ${FILES_MAX} source files`);
  }
}

/** The table of a module, given its functions with the lines of their instructions. */
function lineTable(functions: readonly (readonly PlacedInstruction[])[]): Uint8Array[] {
  const writer = new LineTableWriter();
  for (const each of functions) writer.addFunction(rowsOf(each));
  const { head, names, steps, files, lines } = writer.finish();
  return [head, names, steps, files, lines].map((part) => Uint8Array.from(part));
}

/** One stream with blocks of their own, and so a code of their own, for each part. */
function compress(parts: readonly Uint8Array[]): Buffer {
  const { Z_FINISH, Z_SYNC_FLUSH } = constants;
  const blocks = parts.map((part, index) => {
    const finishFlush = index === parts.length - 1 ? Z_FINISH : Z_SYNC_FLUSH;
    return deflateRawSync(part, { level: 9, memLevel: 9, finishFlush });
  });
  return Buffer.concat(blocks);
}

function main([modulePath, tablePath]: string[]): void {
  if (modulePath === undefined || tablePath === undefined) {
    throw new Error("usage: line_table.js MODULE TABLE");
  }
  const head = Buffer.alloc(HEAD_BYTES);
  const mapPath = `${modulePath}.map`;
  if (!existsSync(mapPath)) return writeFileSync(tablePath, head);
  const map = new SourceMap(JSON.parse(readFileSync(mapPath, "utf8")));
  const parts = lineTable(moduleLines(readFileSync(modulePath), map));
  head.writeUInt32LE(parts.reduce((sum, part) => sum + part.length, 0));
  writeFileSync(tablePath, Buffer.concat([head, compress(parts)]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
