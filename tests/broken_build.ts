/**
 * Kernels with a driver that is broken on purpose: one defect is put into the text of the driver,
 * and the result is compiled and embedded. Nothing of the driver's sources is touched.
 *
 * A defect whose text is not in the sources, or is there more than once, is an error: it would test
 * nothing. wasm3's objects are those of the last `make`. The kernel's own are made once, with the
 * boot argument `guard=off`: such a driver is to meet the device itself.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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
/** What is made once, and the same in every kernel. */
const OBJECT_FOLDER = "wasm3";
const MODULE = join(FOLDER, "driver.wasm");
const KERNEL_FOLDER = join(FOLDER, "kernel");

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

function link(): void {
  const to = join(KERNEL_FOLDER, OBJECT_FOLDER);
  cpSync(join("build", OBJECT_FOLDER), to, { recursive: true, preserveTimestamps: true });
  const args = ["-s", "-f", "shim/kernel.mk", "GUARD_SWITCH=1", "kernel"];
  const { CROSS, PATH } = process.env;
  const made = spawnSync("make", [...args, `BUILD=${KERNEL_FOLDER}`, `MODULE=${MODULE}`], {
    env: CROSS === undefined ? { PATH } : { PATH, CROSS },
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(`the broken kernel does not link: ${made.stderr}`);
}

/**
 * Builds a kernel with these edits and returns its path. The next call overwrites it, so one is
 * built, and run, at a time.
 */
export async function buildBroken(edits: readonly Edit[]): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(MODULE, await compile(edits));
  link();
  return join(KERNEL_FOLDER, "tsblk.elf");
}
