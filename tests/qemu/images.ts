/**
 * Disk images for the QEMU tests: each test has a folder of its own below build/test, which is
 * removed after it.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const SECTOR_BYTES = 512;

/** The part of node:test's context that is needed here: what runs when the test is over. */
export interface TestScope {
  after(clean: () => void | Promise<void>): void;
}

const TEST_ROOT = "build/test";

/**
 * A folder that exists until the test `t` ends. Returns its path from the root of the repository.
 */
export function makeFolder(t: TestScope): string {
  mkdirSync(TEST_ROOT, { recursive: true });
  const folder = mkdtempSync(join(TEST_ROOT, "t"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Writes an image, of these bytes or of that many zeroes (then it is sparse), and returns its path.
 */
export function makeImage(folder: string, name: string, content: number | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "number" ? "" : content);
  if (typeof content === "number") truncateSync(path, content);
  return path;
}

/** Sector `lba` of an image as the host sees it now. */
export function readSector(path: string, lba: number): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  const file = openSync(path, "r");
  try {
    const lengthBytes = readSync(file, sector, 0, SECTOR_BYTES, lba * SECTOR_BYTES);
    if (lengthBytes !== SECTOR_BYTES) throw new Error(`${path} has no sector ${lba}`);
  } finally {
    closeSync(file);
  }
  return sector;
}

/** The text of a sector up to its zero padding. */
export function readText(path: string, lba: number): string {
  return new TextDecoder().decode(readSector(path, lba)).replace(/\0+$/, "");
}

/** Bytes of the host's disk that a file occupies: holes cost nothing. */
export function allocatedBytes(path: string): number {
  return statSync(path).blocks * SECTOR_BYTES;
}

/** Runs qemu-img and returns what it prints; fails when it does. */
export function qemuImg(...args: string[]): string {
  return execFileSync("qemu-img", args, { encoding: "utf8" });
}

/** Makes a qcow2 image above a raw one, which it takes everything from that is not in itself. */
export function makeOverlay(folder: string, name: string, backing: string): string {
  const path = join(folder, name);
  qemuImg("create", "-q", "-f", "qcow2", "-F", "raw", "-b", resolve(backing), path);
  return path;
}

/** What a guest would find in a qcow2 image, as a raw image next to it. Returns its path. */
export function flatten(path: string): string {
  qemuImg("convert", "-f", "qcow2", "-O", "raw", path, `${path}.raw`);
  return `${path}.raw`;
}
