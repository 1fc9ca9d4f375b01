/**
 * Disk images for the QEMU tests: each test has a folder of its own below build/test, which is
 * removed after it.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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
