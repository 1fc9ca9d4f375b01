/**
 * Kernels with another module in them. What can be, is taken as it was compiled for a kernel that
 * is there: the last `make` has left it in build.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where the objects of a kernel are: as it is shipped, or the debug kernel. */
export type Origin = "build" | "build/debug";

const TIMEOUT_MS = 60_000;

/**
 * Makes a kernel in `folder` with `module` in it. Returns its path. The next one in the same folder
 * takes its place, and takes less time.
 */
export function makeKernel(folder: string, module: Uint8Array, from: Origin = "build"): string {
  if (!existsSync(join(folder, "wasm3"))) {
    for (const objects of ["shim", "wasm3"]) {
      const options = { recursive: true, preserveTimestamps: true };
      cpSync(join(from, objects), join(folder, objects), options);
    }
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "module.wasm"), module);
  const all = [`BUILD=${folder}`, `MODULE=${folder}/module.wasm`, "Q=@", "TOOLS="];
  if (from === "build/debug") all.push("DEBUG=1");
  // Nothing of the make that may have started this test reaches this one
  const { CROSS, PATH } = process.env;
  const made = spawnSync("make", ["-s", "-f", "shim/kernel.mk", ...all, "kernel"], {
    env: CROSS === undefined ? { PATH } : { PATH, CROSS },
    encoding: "utf8",
    timeout: TIMEOUT_MS,
  });
  if (made.status !== 0) throw new Error(`the kernel in ${folder} is not made: ${made.stderr}`);
  return join(folder, "tsblk.elf");
}
