/** DISCARD, WRITE_ZEROES and SECURE_ERASE: requests whose data is a list of ranges (§5.2.6). */

import { get32, get64 } from "./bytes.js";
import type { BlkOwner } from "./blk.js";
import { GuestMemory } from "./memory.js";
import type { Disk } from "./options.js";
import { type BlkRequest, gather, totalBytes } from "./request.js";
import { RANGE_BYTES, T } from "./spec.js";

const UNMAP = 1;

interface Range {
  readonly sector: number;
  readonly sectorCount: number;
  readonly flags: number;
}

interface RangeLimits {
  readonly maxSegments: number;
  readonly maxSectors: number;
  readonly alignment: number;
  readonly allowedFlags: number;
  /** The byte the range reads back as afterwards, where the specification says. */
  readonly fillValue: number | undefined;
}

export function rangeLimits(type: number, { limits }: Disk): RangeLimits {
  if (type === T.DISCARD) {
    return {
      maxSegments: limits.maxDiscardSeg,
      maxSectors: limits.maxDiscardSectors,
      alignment: limits.discardSectorAlignment,
      allowedFlags: 0,
      fillValue: undefined,
    };
  }
  if (type === T.WRITE_ZEROES) {
    return {
      maxSegments: limits.maxWriteZeroesSeg,
      maxSectors: limits.maxWriteZeroesSectors,
      alignment: 1,
      allowedFlags: UNMAP,
      fillValue: 0,
    };
  }
  return {
    maxSegments: limits.maxSecureEraseSeg,
    maxSectors: limits.maxSecureEraseSectors,
    alignment: limits.secureEraseSectorAlignment,
    allowedFlags: 0,
    fillValue: undefined,
  };
}

export function readRanges(memory: GuestMemory, request: BlkRequest): Range[] {
  const bytes = gather(memory, request.dataOut);
  const ranges: Range[] = [];
  for (let at = 0; at + RANGE_BYTES <= bytes.length; at += RANGE_BYTES) {
    ranges.push({
      sector: get64(bytes, at),
      sectorCount: get32(bytes, at + 8),
      flags: get32(bytes, at + 12),
    });
  }
  return ranges;
}

export function checkRanges(request: BlkRequest, type: number, owner: BlkOwner): void {
  const { referee, disk, memory } = owner;
  const bytes = totalBytes(request.dataOut);
  const isWhole = bytes > 0 && bytes % RANGE_BYTES === 0 && request.dataIn.length === 0;
  referee.require(isWhole, "BLK-12", `${bytes} bytes of ranges`);
  referee.require(request.sector === 0, "BLK-11", `sector ${request.sector} where it is unused`);
  const limits = rangeLimits(type, disk);
  const ranges = readRanges(memory, request);
  const isFew = ranges.length <= limits.maxSegments;
  referee.require(isFew, "BLK-13", `${ranges.length} ranges, at most ${limits.maxSegments}`);
  for (const range of ranges) checkRange(range, type, limits, owner);
}

function checkRange(range: Range, type: number, limits: RangeLimits, owner: BlkOwner): void {
  const { referee } = owner;
  const { sector, sectorCount, flags } = range;
  const isDiscard = type === T.DISCARD;
  referee.require(!(isDiscard && (flags & UNMAP) !== 0), "BLK-15", "DISCARD with unmap");
  const isKnown = (flags & ~limits.allowedFlags) === 0;
  referee.require(isKnown, "BLK-16", `range flags ${flags}`);
  const isShort = sectorCount <= limits.maxSectors;
  referee.require(isShort, "BLK-14", `${sectorCount} sectors, at most ${limits.maxSectors}`);
  const { alignment } = limits;
  const isAligned = alignment === 0 || (sector % alignment === 0 && sectorCount % alignment === 0);
  referee.require(isAligned, "BLK-14", `range ${sector} + ${sectorCount}, alignment ${alignment}`);
  const capacity = owner.shownCapacity();
  const isInside = sector + sectorCount <= capacity;
  referee.require(isInside, "BLK-06", `range ${sector} + ${sectorCount} of ${capacity}`);
}
