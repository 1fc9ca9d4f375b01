/** What the QEMU tests share: a booted machine, contents of images, reading what is reported. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TestScope } from "./images.js";
import { type QemuDisk, QemuMachine, type QemuOptions, type TransportVersion } from "./qemu.js";

export const VERSIONS: readonly TransportVersion[] = ["modern", "legacy"];
export const SECTOR_BYTES = 512;

/** What images are filled with, so that zeros and holes show. */
const FILL = 0xaa;

const LABEL_COLUMNS = 18;

/** A machine with these disks, at its first prompt. */
export async function bootWith(
  t: TestScope,
  transport: TransportVersion,
  disks: QemuDisk[],
  options: QemuOptions = {},
): Promise<QemuMachine> {
  const machine = new QemuMachine(t, { transport, disks, ...options });
  await machine.boot();
  return machine;
}

/** `sectors` sectors of FILL. */
export function filled(sectors: number): Buffer {
  return Buffer.alloc(sectors * SECTOR_BYTES, FILL);
}

/** Sectors that each hold their own number, so that one in another's place shows. */
export function numbered(sectors: number): Buffer {
  const content = filled(sectors);
  for (let sector = 0; sector < sectors; sector++) {
    content.writeUInt32LE(sector, sector * SECTOR_BYTES);
  }
  return content;
}

/** Puts a text and zeros behind it into one sector of `content`, as `dd write` does. */
export function place(content: Buffer, sector: number, text: string): void {
  content.fill(0, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  content.write(text, sector * SECTOR_BYTES);
}

/** Zeros `count` sectors of `content`. */
export function clear(content: Buffer, sector: number, count: number): void {
  content.fill(0, sector * SECTOR_BYTES, (sector + count) * SECTOR_BYTES);
}

/** Compares a whole image on the host with what it should be; a failure names the first sector. */
export function expectImage(path: string, expected: Buffer): void {
  const found = readFileSync(path);
  assert.equal(found.length, expected.length, `${path}: length`);
  if (found.equals(expected)) return;
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  const sector = Math.floor(at / SECTOR_BYTES);
  const [from, to] = [sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES];
  assert.deepEqual(found.subarray(from, to), expected.subarray(from, to), `sector ${sector}`);
}

/** What blkinfo says, by label. */
export async function info(machine: QemuMachine, disk = "vda"): Promise<Map<string, string>> {
  const lines = (await machine.command(`blkinfo ${disk}`)).split("\n");
  return new Map(
    lines.map((line) => [line.slice(0, LABEL_COLUMNS).trim(), line.slice(LABEL_COLUMNS)]),
  );
}

/** What iostat has counted: requests that went well by kind, and failures as `kind: cause`. */
export async function counts(machine: QemuMachine, disk = "vda"): Promise<Record<string, number>> {
  const text = await machine.command(`iostat ${disk}`);
  const requests = [...text.matchAll(/^ {2}(\w+) +(\d+) requests/gm)];
  const failures = [...text.matchAll(/^ {2}(\w+) +(\d+) failed: (.*)$/gm)];
  return Object.fromEntries([
    ...requests.map(([, kind, count]) => [kind!, Number(count)]),
    ...failures.map(([, kind, count, cause]) => [`${kind!}: ${cause!}`, Number(count)]),
  ]);
}
