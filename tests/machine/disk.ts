/**
 * Sectors in memory, behind a write-back cache as a real disk has one (§5.2.6.2).
 *
 * What is written is visible at once and durable after a flush; in write-through mode it is durable
 * at once. A crash takes away what was not durable, sector by sector, as the caller decides.
 */

import { SECTOR_BYTES } from "./spec.js";

/** What a store throws when its medium fails: the request ends with IOERR. */
export class MediumFailure extends Error {}

export class SectorStore {
  private bytes: Uint8Array;
  /** Durable content of every sector that differs from what is visible. */
  private readonly durable = new Map<number, Uint8Array>();
  isWriteback = true;

  constructor(sectorCount: number) {
    this.bytes = new Uint8Array(sectorCount * SECTOR_BYTES);
  }

  get sectorCount(): number {
    return this.bytes.length / SECTOR_BYTES;
  }

  /** The sectors a crash could still change, in the order they were first written. */
  get unflushed(): number[] {
    return [...this.durable.keys()];
  }

  read(lba: number, sectorCount: number): Uint8Array {
    return this.bytes.slice(lba * SECTOR_BYTES, (lba + sectorCount) * SECTOR_BYTES);
  }

  /** `data` is a whole number of sectors. */
  write(lba: number, data: Uint8Array): void {
    if (this.isWriteback) this.remember(lba, data.length / SECTOR_BYTES);
    this.bytes.set(data, lba * SECTOR_BYTES);
  }

  /**
   * The test's own hand: what is placed here is durable, as if it had been on the disk before
   * power-on.
   */
  place(lba: number, data: Uint8Array): void {
    const sectorCount = Math.ceil(data.length / SECTOR_BYTES);
    this.bytes.fill(0, lba * SECTOR_BYTES, (lba + sectorCount) * SECTOR_BYTES);
    this.bytes.set(data, lba * SECTOR_BYTES);
    for (let sector = lba; sector < lba + sectorCount; sector++) this.durable.delete(sector);
  }

  fill(lba: number, sectorCount: number, value: number): void {
    this.write(lba, new Uint8Array(sectorCount * SECTOR_BYTES).fill(value));
  }

  flush(): void {
    this.durable.clear();
  }

  /**
   * Power fails: each unflushed sector keeps its new content if `survives` says so, otherwise it
   * has its old one.
   */
  crash(survives: (lba: number) => boolean = () => false): void {
    for (const [lba, content] of this.durable) {
      if (!survives(lba)) this.bytes.set(content, lba * SECTOR_BYTES);
    }
    this.durable.clear();
  }

  /** New sectors are zero; sectors that are cut off are gone. */
  resize(sectorCount: number): void {
    const bytes = new Uint8Array(sectorCount * SECTOR_BYTES);
    bytes.set(this.bytes.subarray(0, bytes.length));
    this.bytes = bytes;
    for (const lba of this.unflushed) if (lba >= sectorCount) this.durable.delete(lba);
  }

  private remember(lba: number, sectorCount: number): void {
    for (let sector = lba; sector < lba + sectorCount; sector++) {
      if (!this.durable.has(sector)) this.durable.set(sector, this.read(sector, 1));
    }
  }
}
