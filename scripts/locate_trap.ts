/**
 * Names the TypeScript lines of a trap: every `(wasm 0x1234)` in a console log is an offset in the
 * module, and asc's source map has one generated line whose columns are these offsets.
 *
 *     node build/node/scripts/locate_trap.js build/uart.log build/driver.wasm.map
 *
 * Prints one line a frame, in the order of the log. Without a source map, or without such offsets,
 * it prints nothing: the log has said all there is.
 */
import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";

function locate(map: SourceMap, offset: number): string {
  const entry = map.findEntry(0, offset);
  // Code that the compiler has made up itself belongs to no line
  if (!("originalSource" in entry) || !entry.originalSource) return "the compiler's own code";
  return `${entry.originalSource}:${entry.originalLine + 1}`;
}

const [logPath, mapPath] = process.argv.slice(2);
if (logPath === undefined || mapPath === undefined) {
  throw new Error("usage: locate_trap.js LOG MAP");
}
if (existsSync(logPath) && existsSync(mapPath)) {
  const map = new SourceMap(JSON.parse(readFileSync(mapPath, "utf8")));
  for (const [, hex = ""] of readFileSync(logPath, "latin1").matchAll(/\(wasm (0x[0-9a-f]+)\)/gi)) {
    console.log(`  wasm ${hex} is ${locate(map, Number(hex))}`);
  }
}
