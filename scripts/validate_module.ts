/**
 * Validates the module at build time, before anything trusts it: wasm3 itself has no validator.
 *
 *     node build/node/scripts/validate_module.js build/driver.wasm [--update]
 *
 * module_text.ts checks it with an explicit set of features, then module_rules.ts what it contains,
 * and its imports and exports are compared with scripts/module_surface.txt, which --update writes
 * anew. Exit status 1 when it is refused.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { diffSurface, findViolations, readSurface } from "./module_rules.js";
import { moduleText } from "./module_text.js";

const SURFACE_PATH = "scripts/module_surface.txt";

function readSnapshot(): string[] {
  return readFileSync(SURFACE_PATH, "utf8").trimEnd().split("\n");
}

async function judge(path: string, update: boolean): Promise<string[]> {
  const wat = await moduleText(new Uint8Array(readFileSync(path)));
  const surface = readSurface(wat);
  if (update) writeFileSync(SURFACE_PATH, surface.join("\n") + "\n");
  const difference = diffSurface(readSnapshot(), surface);
  if (difference.length > 0) {
    difference.unshift(`imports and exports differ from ${SURFACE_PATH} (--update accepts them):`);
  }
  return [...findViolations(wat), ...difference];
}

const [path, flag] = process.argv.slice(2);
if (path === undefined) throw new Error("usage: validate_module.js MODULE [--update]");
const complaints = await judge(path, flag === "--update").catch((error: Error) => [error.message]);
for (const complaint of complaints) console.error(`${path}: ${complaint}`);
process.exitCode = complaints.length > 0 ? 1 : 0;
