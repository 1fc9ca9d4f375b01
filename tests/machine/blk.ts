/**
 * What a block device does with a request (§5.2.6), and what a driver must not ask of it.
 *
 * Where the specification lets the device answer, the answer is a status: IOERR for a write to a
 * read-only disk, for part of a block, for what lies past a capacity that shrank unseen, UNSUPP for
 * types it does not know. Where the driver is bound by a MUST, or by a limit it was shown, asking
 * is a violation.
 */

import { words16 } from "./bytes.js";
import { MediumFailure, SectorStore } from "./disk.js";
import { GuestMemory } from "./memory.js";
import type { Disk } from "./options.js";
import { type BlkRequest, gather, scatter, totalBytes } from "./request.js";
import { F, ID_BYTES, LIFETIME_BYTES, S, SECTOR_BYTES, T, TYPE_BARRIER } from "./spec.js";
import { checkRanges, rangeLimits, readRanges } from "./ranges.js";
import { Referee } from "./violation.js";

/** Left in the buffer of a read that failed, so that nobody mistakes it for data. */
const POISON = 0xee;
/** Content of a discarded sector, which the specification leaves open. */
const DISCARDED = 0xdd;

/** The feature without which a type must not be sent. */
const GATES = new Map<number, number>([
  [T.FLUSH, F.FLUSH],
  [T.FLUSH_OUT, F.FLUSH],
  [T.GET_LIFETIME, F.LIFETIME],
  [T.DISCARD, F.DISCARD],
  [T.WRITE_ZEROES, F.WRITE_ZEROES],
  [T.SECURE_ERASE, F.SECURE_ERASE],
]);

export interface BlkOwner {
  readonly disk: Disk;
  readonly store: SectorStore;
  readonly memory: GuestMemory;
  readonly referee: Referee;
  readonly accepted: ReadonlySet<number>;
  /** The capacity as the driver last read it. */
  shownCapacity(): number;
}

export class BlkUnit {
  constructor(private readonly owner: BlkOwner) {}

  /** Everything the driver must have got right, before anything is done. */
  check(request: BlkRequest): void {
    this.checkType(request);
    this.checkSegments(request);
    const { referee } = this.owner;
    referee.require(request.reserved === 0, "BLK-11", `reserved is ${request.reserved}`);
    switch (this.plainType(request)) {
      case T.IN:
        return this.checkTransfer(request, totalBytes(request.dataIn), totalBytes(request.dataOut));
      case T.OUT:
        return this.checkTransfer(request, totalBytes(request.dataOut), totalBytes(request.dataIn));
      case T.FLUSH:
        return this.checkFlush(request);
      case T.GET_ID:
        return this.checkFixed(request, ID_BYTES, "BLK-18");
      case T.GET_LIFETIME:
        return this.checkFixed(request, LIFETIME_BYTES, "BLK-19");
      case T.DISCARD:
      case T.WRITE_ZEROES:
      case T.SECURE_ERASE:
        return checkRanges(request, this.plainType(request), this.owner);
    }
  }

  /** Does it, data included, and returns the status byte; the status byte itself is not written. */
  perform(request: BlkRequest): number {
    try {
      return this.carryOut(request);
    } catch (error) {
      if (error instanceof MediumFailure) return S.IOERR;
      throw error;
    }
  }

  private carryOut(request: BlkRequest): number {
    const { store, memory, disk } = this.owner;
    switch (this.plainType(request)) {
      case T.IN:
        return this.performRead(request);
      case T.OUT:
        return this.performWrite(request);
      case T.FLUSH:
        store.flush();
        return S.OK;
      case T.GET_ID:
        scatter(memory, request.dataIn, this.identity());
        return S.OK;
      case T.GET_LIFETIME:
        scatter(memory, request.dataIn, words16(...disk.lifetime));
        return S.OK;
      case T.DISCARD:
      case T.WRITE_ZEROES:
      case T.SECURE_ERASE:
        return this.performRanges(request);
      default:
        return S.UNSUPP;
    }
  }

  /**
   * The buffer of a failed read carries no data: it is overwritten, so that nobody relies on what
   * was there.
   */
  spoil(request: BlkRequest): void {
    const length = totalBytes(request.dataIn);
    scatter(this.owner.memory, request.dataIn, new Uint8Array(length).fill(POISON));
  }

  /** The type without the legacy barrier bit, and with one number for both legacy flushes. */
  private plainType({ type }: BlkRequest): number {
    const plain = (type & ~TYPE_BARRIER) >>> 0;
    return plain === T.FLUSH_OUT && this.owner.disk.version === 1 ? T.FLUSH : plain;
  }

  private checkType(request: BlkRequest): void {
    const { referee, accepted, disk } = this.owner;
    const hasBarrier = (request.type & TYPE_BARRIER) !== 0;
    const mayBarrier = disk.version === 1 && accepted.has(F.BARRIER);
    referee.require(!hasBarrier || mayBarrier, "LEGACY-15", "barrier bit without F_BARRIER");
    const type = this.plainType(request);
    const isScsi = type === T.SCSI_CMD || type === T.SCSI_CMD_OUT;
    const mayScsi = disk.version === 1 && accepted.has(F.SCSI);
    referee.require(!isScsi || mayScsi, "LEGACY-16", "SCSI command without F_SCSI");
    const isZoned = type >= T.ZONE_FIRST && type <= T.ZONE_LAST;
    const gate = isZoned ? F.ZONED : GATES.get(type);
    const isOpen = gate === undefined || accepted.has(gate);
    referee.require(isOpen, "BLK-20", `type ${type} without feature ${gate}`);
  }

  private checkSegments({ dataIn, dataOut }: BlkRequest): void {
    const { referee, accepted, disk } = this.owner;
    const { sizeMax, segMax } = disk.limits;
    const segments = [...dataOut, ...dataIn];
    const isFew = segMax === 0 || segments.length <= segMax;
    const isSmall = sizeMax === 0 || segments.every((s) => s.lengthBytes <= sizeMax);
    const many = `${segments.length} data segments, seg_max is ${segMax}`;
    referee.require(isFew || !accepted.has(F.SEG_MAX), "BLK-21", many);
    const big = `a segment is larger than size_max, ${sizeMax}`;
    referee.require(isSmall || !accepted.has(F.SIZE_MAX), "BLK-21", big);
  }

  private checkTransfer(request: BlkRequest, dataBytes: number, wrongWayBytes: number): void {
    const { referee } = this.owner;
    referee.require(wrongWayBytes === 0, "BLK-10", `${wrongWayBytes} data bytes the wrong way`);
    const isWhole = dataBytes % SECTOR_BYTES === 0;
    referee.require(isWhole, "BLK-10", `${dataBytes} bytes of data`);
    this.checkBounds(request.sector, dataBytes / SECTOR_BYTES);
  }

  private checkBounds(sector: number, sectorCount: number): void {
    const capacity = this.owner.shownCapacity();
    const isInside = sector + sectorCount <= capacity;
    const where = `sectors ${sector} + ${sectorCount} of ${capacity}`;
    this.owner.referee.require(isInside, "BLK-06", where);
  }

  private checkFlush({ sector, dataIn, dataOut }: BlkRequest): void {
    const { referee } = this.owner;
    referee.require(sector === 0, "BLK-09", `FLUSH with sector ${sector}`);
    const isEmpty = dataIn.length + dataOut.length === 0;
    referee.require(isEmpty, "BLK-09", "FLUSH with data");
  }

  private checkFixed({ sector, dataIn, dataOut }: BlkRequest, bytes: number, rule: string): void {
    const { referee } = this.owner;
    const isExact = totalBytes(dataIn) === bytes && dataOut.length === 0;
    referee.require(isExact, rule, `the buffer is not exactly ${bytes} writable bytes`);
    referee.require(sector === 0, "BLK-11", `sector ${sector} where it is unused`);
  }

  private performRead(request: BlkRequest): number {
    const { store, memory } = this.owner;
    const sectorCount = totalBytes(request.dataIn) / SECTOR_BYTES;
    if (!this.isPossible(request.sector, sectorCount)) return S.IOERR;
    scatter(memory, request.dataIn, store.read(request.sector, sectorCount));
    return S.OK;
  }

  private performWrite(request: BlkRequest): number {
    const { store, memory, disk } = this.owner;
    const data = gather(memory, request.dataOut);
    const isPossible = this.isPossible(request.sector, data.length / SECTOR_BYTES);
    if (disk.isReadOnly || !isPossible) return S.IOERR;
    store.write(request.sector, data);
    return S.OK;
  }

  private isPossible(sector: number, sectorCount: number): boolean {
    const { store, disk } = this.owner;
    const block = disk.blkSize / SECTOR_BYTES;
    const isWhole = sector % block === 0 && sectorCount % block === 0;
    return isWhole && sector + sectorCount <= store.sectorCount;
  }

  private performRanges(request: BlkRequest): number {
    const { store, disk, memory } = this.owner;
    const type = this.plainType(request);
    const ranges = readRanges(memory, request);
    const isInside = ranges.every((r) => r.sector + r.sectorCount <= store.sectorCount);
    if (disk.isReadOnly || !isInside) return S.IOERR;
    const { fillValue } = rangeLimits(type, disk);
    for (const range of ranges) store.fill(range.sector, range.sectorCount, fillValue ?? DISCARDED);
    return S.OK;
  }

  private identity(): Uint8Array {
    const bytes = new Uint8Array(ID_BYTES);
    bytes.set(new TextEncoder().encode(this.owner.disk.serial).subarray(0, ID_BYTES));
    return bytes;
  }
}
