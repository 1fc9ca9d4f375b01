/**
 * Kernels with a driver that is broken on purpose: one defect is put into the text of the driver,
 * and the result is compiled and embedded. Nothing of the driver's sources is touched.
 *
 * A defect whose text is not in the sources, or is there more than once, is an error: it would test
 * nothing. The kernels are debug kernels, which have the boot argument `guard=off`: such a driver
 * is to meet the device itself.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeKernel } from "./qemu/kernels.js";

/** In the file `path` of driver/, `from` becomes `to`. */
export interface Edit {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/**
 * The part of the compiler that is used here. Its own declarations redefine globals, so they are
 * kept out of this program.
 */
interface Compiler {
  main(
    args: string[],
    files: {
      readFile(name: string, baseDir: string): string | null;
      writeFile(name: string, content: string | Uint8Array): void;
      listFiles(): null;
    },
  ): Promise<{ error: Error | null; stderr: { toString(): string } }>;
}

const COMPILER: string = "assemblyscript/asc";
const FOLDER = "build/broken";
/** What the compiler calls the module; it is not written there. */
const MODULE = "driver.wasm";

/** The texts of the files that the edits are about, changed, by their path. */
function changedSources(edits: readonly Edit[]): Map<string, string> {
  const sources = new Map<string, string>();
  for (const { path, from, to } of edits) {
    const file = join("driver", path);
    const text = sources.get(file) ?? readFileSync(file, "utf8");
    const count = text.split(from).length - 1;
    if (count !== 1) throw new Error(`${file} has ${count} times what is to be broken: ${from}`);
    sources.set(
      file,
      text.replace(from, () => to),
    );
  }
  return sources;
}

function readOrNull(path: string): string | null {
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}

/** Compiles the driver with these edits, fast rather than well. Returns the module. */
async function compile(edits: readonly Edit[]): Promise<Uint8Array> {
  const changed = changedSources(edits);
  const asc = (await import(COMPILER)) as Compiler;
  let module: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ["--target", "debug", "--sourceMap", "false", "--outFile", MODULE],
    {
      readFile: (name, baseDir) => {
        const path = join(baseDir, name);
        return changed.get(path) ?? readOrNull(path);
      },
      writeFile: (name, content) => {
        if (name === MODULE) module = content as Uint8Array;
      },
      listFiles: () => null,
    },
  );
  if (error || !module) throw new Error(`the broken driver does not compile: ${stderr.toString()}`);
  return module;
}

/**
 * Builds a kernel with these edits and returns its path. The next call overwrites it, so one is
 * built, and run, at a time.
 */
export async function buildBroken(edits: readonly Edit[]): Promise<string> {
  return makeKernel(FOLDER, await compile(edits), "build/debug");
}
