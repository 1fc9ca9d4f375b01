/**
 * Compresses a module for the kernel: its length and its CRC32C (u32 each, little endian), then a
 * raw DEFLATE stream. A module with a source map beside it goes without the custom sections at its
 * end, names of functions above all: the line table (line_table.ts) says more. No offset changes.
 *
 *     node build/node/scripts/compress_module.js build/driver.wasm build/shim/module.deflate
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { crc32c } from "../tests/machine/crc32c.js";
import { WasmReader } from "../tests/shim/wasm_reader.js";

const HEAD_BYTES = 8;

/** The module up to the end of its last section that is not a custom one. */
function withoutNames(module: Buffer): Buffer {
  const last = new WasmReader(module).sections.findLast(({ id }) => id !== 0);
  if (last === undefined) throw new Error("module without a section");
  return module.subarray(0, last.content.byteOffset - module.byteOffset + last.content.length);
}

const [modulePath, compressedPath] = process.argv.slice(2);
if (modulePath === undefined || compressedPath === undefined) {
  throw new Error("usage: compress_module.js MODULE COMPRESSED");
}
const original = readFileSync(modulePath);
const module = existsSync(`${modulePath}.map`) ? withoutNames(original) : original;
const head = Buffer.alloc(HEAD_BYTES);
head.writeUInt32LE(module.length);
head.writeUInt32LE(crc32c(0, module), 4);
const memLevel = 9;
writeFileSync(
  compressedPath,
  Buffer.concat([head, deflateRawSync(module, { level: 9, memLevel })]),
);
