/** What the tests of byte-level I/O and of dd share: streams as they should be, and a bench. */
import assert from "node:assert/strict";
import { Machine, type MachineOptions } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";

export const SECTOR_BYTES = 512;
const MASK = (1n << 64n) - 1n;

/** Bytes of the source `random:<seed>`: the splitmix64 sequence, little-endian. */
export function randomBytes(seed: number, offset: number, lengthBytes: number): Buffer {
  const first = Math.floor(offset / 8);
  const words = Math.ceil((offset + lengthBytes) / 8) - first;
  const bytes = Buffer.alloc(words * 8);
  for (let i = 0; i < words; i++) {
    let word = (BigInt(seed) + BigInt(first + i + 1) * 0x9e3779b97f4a7c15n) & MASK;
    word = ((word ^ (word >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    word = ((word ^ (word >> 27n)) * 0x94d049bb133111ebn) & MASK;
    bytes.writeBigUInt64LE(word ^ (word >> 31n), i * 8);
  }
  return bytes.subarray(offset - first * 8, offset - first * 8 + lengthBytes);
}

/** Bytes of the source `pattern:<seed>`: every sector holds its number and the seed. */
export function patternBytes(seed: number, lba: number, sectorCount: number): Buffer {
  const bytes = Buffer.alloc(sectorCount * SECTOR_BYTES);
  for (let at = 0; at < bytes.length; at += 16) {
    bytes.writeBigUInt64LE(BigInt(lba + Math.floor(at / SECTOR_BYTES)), at);
    bytes.writeBigUInt64LE(BigInt(seed), at + 8);
  }
  return bytes;
}

/** A booted machine whose disks hold random bytes, and what they should hold. */
export class Bench {
  readonly machine: Machine;
  readonly shadows: Buffer[];

  constructor(disks: DiskOptions[], options: MachineOptions = {}) {
    this.machine = new Machine({ slots: disks, mode: "deferred", ...options });
    this.machine.boot();
    this.shadows = this.machine.disks.map(({ store }, i) => {
      const bytes = randomBytes(1000 + i, 0, store.sectorCount * SECTOR_BYTES);
      store.place(0, bytes);
      return Buffer.from(bytes);
    });
  }

  /** Runs a command line. What it printed, its echo taken off, line ends as "\n". */
  run(line: string): string {
    const output = this.machine.send(line).replaceAll("\r", "");
    return output.slice(output.indexOf("\n") + 1);
  }

  /** Types a line and takes `steps` slices of it, so that it is under way. */
  start(line: string, steps: number): void {
    for (const byte of Buffer.from(`${line}\r`)) this.machine.receive(byte);
    for (let i = 0; i < steps; i++) this.machine.step();
  }

  /** Presses Ctrl-C and lets the machine come to rest. What was printed from there on. */
  interrupt(): string {
    this.machine.console.mark();
    this.machine.receive(3);
    this.machine.run();
    return this.machine.console.fresh.replaceAll("\r", "");
  }

  content(disk: number): Buffer {
    const { store } = this.machine.disk(disk);
    return Buffer.from(store.read(0, store.sectorCount));
  }

  /** Every byte of every disk is what it should be. */
  check(what: string): void {
    this.shadows.forEach((shadow, i) => {
      const found = this.content(i);
      if (found.equals(shadow)) return;
      const at = found.findIndex((byte, k) => byte !== shadow[k]);
      assert.fail(`${what}: byte ${at} of disk ${i} is ${found[at]} and not ${shadow[at]}`);
    });
  }
}
