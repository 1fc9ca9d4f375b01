/**
 * Compresses a module for the kernel: its length and its CRC32C (u32 each, little endian), then a
 * raw DEFLATE stream.
 *
 *     node build/node/scripts/compress_module.js build/driver.wasm build/shim/module.deflate
 */
import { readFileSync, writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { crc32c } from "../tests/machine/crc32c.js";

const HEAD_BYTES = 8;

const [modulePath, compressedPath] = process.argv.slice(2);
if (modulePath === undefined || compressedPath === undefined) {
  throw new Error("usage: compress_module.js MODULE COMPRESSED");
}
const module = readFileSync(modulePath);
const head = Buffer.alloc(HEAD_BYTES);
head.writeUInt32LE(module.length);
head.writeUInt32LE(crc32c(0, module), 4);
const memLevel = 9;
writeFileSync(
  compressedPath,
  Buffer.concat([head, deflateRawSync(module, { level: 9, memLevel })]),
);
