/**
 * The guard in QEMU: a module that drives a disk by hand and breaks one rule at a time, on both
 * versions of the registers. Each is stopped by the text of its rule, and what is right passes.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { before, test } from "node:test";
import { makeKernel } from "./qemu/kernels.js";
import { MISDEEDS, guardModule, misdeedArgument } from "./shim/guard_module.js";

const TIMEOUT_MS = 60_000;
const PANIC_STATUS = 70;
const RIGHT_STATUS = 23;

let kernel = "";

function boot(name: string, isLegacy: boolean): { status: number | null; output: string } {
  const args = [
    ...["-M", "virt", "-bios", "none", "-m", "64M", "-nographic", "-monitor", "none", "-no-reboot"],
    ...["-global", `virtio-mmio.force-legacy=${isLegacy}`],
    ...["-drive", "driver=null-co,read-zeroes=on,if=none,id=d"],
    ...["-device", "virtio-blk-device,drive=d"],
    ...["-kernel", kernel, "-append", misdeedArgument(name)],
  ];
  const options = { encoding: "utf8", timeout: TIMEOUT_MS } as const;
  const { status, stdout, stderr, error } = spawnSync("qemu-system-riscv64", args, options);
  return { status, output: `${stdout}${stderr}${error ?? ""}` };
}

before(async () => {
  kernel = makeKernel("build/tests/guard", await guardModule());
});

/** A text as a pattern, in which only `[04]` means something. */
const patternOf = (text: string): string =>
  text.replace(/[.()+]/g, "\\$&").replaceAll("\\[04\\]", "[04]");

for (const version of ["modern", "legacy"] as const) {
  for (const [name, { says, only }] of Object.entries(MISDEEDS)) {
    if (only !== undefined && only !== version) continue;
    test(`guard, ${version}: ${name} ${says === undefined ? "is right" : "is stopped"}`, () => {
      const { status, output } = boot(name, version === "legacy");
      if (says === undefined) return assert.equal(status, RIGHT_STATUS, output);
      assert.match(output, new RegExp(`^ {2}${patternOf(says)} in \\S+ \\(wasm`, "m"));
      assert.equal(status, PANIC_STATUS, output);
    });
  }
}
