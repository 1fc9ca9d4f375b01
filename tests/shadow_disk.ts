/**
 * What a disk must hold: a plain byte array, with every content a sector may have where a request
 * on it has failed.
 *
 * A request that failed may have been done or not, sector by sector. What is read decides: from
 * then on the sector has that content.
 */
import { SECTOR_BYTES } from "./embedder.js";

/** When a sector was last touched, and when that was known to be done; counted in requests. */
interface Touch {
  sentAt: number;
  doneAt: number;
}

export class ShadowDisk {
  private readonly bytes: Buffer;
  private readonly others = new Map<number, Buffer[]>();
  private readonly touches: Touch[];

  constructor(readonly sectorCount: number) {
    this.bytes = Buffer.alloc(sectorCount * SECTOR_BYTES);
    this.touches = Array.from({ length: sectorCount }, () => ({ sentAt: 0, doneAt: 0 }));
  }

  /** A request that changes these sectors has been sent. */
  touch(lba: number, sectorCount: number, now: number): void {
    for (let sector = lba; sector < lba + sectorCount; sector++) {
      const touch = this.touches[sector]!;
      touch.sentAt = now;
      touch.doneAt = Infinity;
    }
  }

  /** The sectors from `lba` on have been changed to `data`. */
  write(lba: number, data: Buffer, now: number): void {
    data.copy(this.bytes, lba * SECTOR_BYTES);
    for (let sector = lba; sector < lba + data.length / SECTOR_BYTES; sector++) {
      this.others.delete(sector);
      this.touches[sector]!.doneAt = now;
    }
  }

  /** They may have been. */
  mayWrite(lba: number, data: Buffer): void {
    for (let at = 0; at < data.length; at += SECTOR_BYTES) {
      const sector = lba + at / SECTOR_BYTES;
      const known = this.others.get(sector) ?? [];
      known.push(Buffer.from(data.subarray(at, at + SECTOR_BYTES)));
      this.others.set(sector, known);
    }
  }

  /** The first sector from `lba` on that cannot hold what was read, or undefined. */
  compare(lba: number, data: Buffer): number | undefined {
    const expected = this.bytes.subarray(lba * SECTOR_BYTES, lba * SECTOR_BYTES + data.length);
    if (expected.equals(data)) return this.settle(lba, data);
    for (let at = 0; at < data.length; at += SECTOR_BYTES) {
      const sector = lba + at / SECTOR_BYTES;
      const actual = data.subarray(at, at + SECTOR_BYTES);
      const isKnown = expected.subarray(at, at + SECTOR_BYTES).equals(actual);
      const isOther = this.others.get(sector)?.some((other) => other.equals(actual)) ?? false;
      if (!isKnown && !isOther) return sector;
    }
    return this.settle(lba, data);
  }

  /** The first of `unflushed` that a flush sent at `flushedAt` should have made durable. */
  lost(unflushed: readonly number[], flushedAt: number): number | undefined {
    return unflushed.find((sector) => {
      const { sentAt, doneAt } = this.touches[sector]!;
      return sentAt < flushedAt && doneAt < flushedAt;
    });
  }

  private settle(lba: number, data: Buffer): undefined {
    data.copy(this.bytes, lba * SECTOR_BYTES);
    if (this.others.size === 0) return;
    for (let sector = lba; sector < lba + data.length / SECTOR_BYTES; sector++) {
      this.others.delete(sector);
    }
  }
}
