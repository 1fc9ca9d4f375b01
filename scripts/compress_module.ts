/**
 * Compresses a module for the kernel: its length (u32, little endian), then a raw DEFLATE stream.
 *
 *     node build/node/scripts/compress_module.js build/driver.wasm build/shim/module.deflate
 */
import { readFileSync, writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";

const LENGTH_BYTES = 4;

const [modulePath, compressedPath] = process.argv.slice(2);
if (modulePath === undefined || compressedPath === undefined) {
  throw new Error("usage: compress_module.js MODULE COMPRESSED");
}
const module = readFileSync(modulePath);
const length = Buffer.alloc(LENGTH_BYTES);
length.writeUInt32LE(module.length);
const memLevel = 9;
writeFileSync(
  compressedPath,
  Buffer.concat([length, deflateRawSync(module, { level: 9, memLevel })]),
);
