/**
 * Random requests on a device with random faults, compared with a plain byte array.
 *
 * Everything follows from one seed: the variant of the device, its limits, the requests, the
 * faults. Requests in flight at the same time never overlap where one of them changes the disk, so
 * what a read must find is known exactly. The model is strict all the while: a driver that breaks a
 * rule in its trouble is caught as well.
 */
import {
  diskOf,
  E,
  Embedder,
  PENDING,
  type Piece,
  type Range,
  SECTOR_BYTES,
  type Variant,
  VARIANTS,
} from "./embedder.js";
import { anyRequest, randomFault, reordering } from "./machine/faults.js";
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import { F, T } from "./machine/spec.js";
import { ShadowDisk } from "./shadow_disk.js";

const SECTOR_COUNT = 4096;
const BLOCK_SECTORS = 8;
const LIST_BYTES = 4096;
const DISCARDED = 0xdd;
/** Virtual time within which every request must have ended, whatever the device does. */
const DEADLINE_NS = 120e9;
const TRACE_LENGTH = 40;

const FEATURES = [F.BLK_SIZE, F.FLUSH, F.DISCARD, F.WRITE_ZEROES, F.SIZE_MAX, F.SEG_MAX];
/** Results that a faulty device explains. */
const EXPLAINED = new Set<number>([
  ...[E.IO, E.UNSUPPORTED, E.STATUS, E.TIMEOUT, E.NEEDS_RESET, E.USED_RING, E.RESET],
  ...[E.QUEUE, E.ALIGN, E.NOT_OFFERED, E.TOO_LONG],
]);

interface InFlight {
  readonly handle: number;
  readonly area: number;
  readonly type: number;
  readonly lba: number;
  readonly sectorCount: number;
  readonly pieces: readonly Piece[];
  /** What the sectors become; undefined for a read or a flush. */
  readonly data: Buffer | undefined;
  readonly sentAt: number;
  readonly sentNs: number;
}

interface Plan {
  readonly type: number;
  readonly lba: number;
  readonly sectorCount: number;
}

export class RequestFuzzer {
  readonly trace: string[] = [];
  readonly variant: Variant;
  completedCount = 0;
  private readonly prng: Prng;
  private readonly embedder: Embedder;
  private readonly shadow = new ShadowDisk(SECTOR_COUNT);
  private readonly areaBytes: number;
  private readonly freeAreas: number[];
  private readonly inFlight = new Set<InFlight>();
  private readonly isFaulty: boolean;
  private readonly isChanging: boolean;
  private sentCount = 0;

  constructor(readonly seed: number) {
    const prng = new Prng(seed);
    this.prng = prng;
    this.variant = VARIANTS[seed % VARIANTS.length]!;
    const { mode } = this.variant;
    this.embedder = new Embedder(this.chooseDisk(), { mode, isWeak: prng.oneIn(4) });
    const depth = prng.pick([1, 4, 32, 256]);
    this.areaBytes = Math.floor(this.embedder.bufferBytes / depth);
    this.freeAreas = Array.from({ length: depth }, (_, index) => index * this.areaBytes);
    this.isFaulty = !prng.oneIn(3);
    this.isChanging = this.isFaulty && prng.oneIn(3);
    if (this.isFaulty) this.arrangeFaults();
  }

  /** Sends `count` requests and sees all of them end, then looks at the whole disk. */
  run(count: number): void {
    while (this.sentCount < count) {
      if (!this.prng.oneIn(3)) this.send();
      else if (this.isFaulty && this.prng.oneIn(60)) this.disturb();
      else this.collect();
    }
    this.drain();
    this.revive();
    const store = this.embedder.machine.disk().store;
    this.check(this.shadow.compare(0, Buffer.from(store.read(0, SECTOR_COUNT))), "on the disk");
    if (!this.isFaulty && this.embedder.machine.disk().resetCount !== 1) {
      throw new Error("a sound device was reset");
    }
  }

  private chooseDisk(): DiskOptions {
    const { prng } = this;
    const limits = prng.pick([
      {},
      { sizeMax: 4096, segMax: 4 },
      { sizeMax: 1000, segMax: 0 },
      { sizeMax: 700, segMax: 12 },
      { sizeMax: 0, segMax: 1 },
    ]);
    return diskOf(this.variant, FEATURES, {
      limits: { ...limits, maxDiscardSeg: 4, maxWriteZeroesSeg: 4 },
      sectorCount: SECTOR_COUNT,
      blkSize: prng.oneIn(4) ? BLOCK_SECTORS * SECTOR_BYTES : SECTOR_BYTES,
      queueSizeMax: prng.pick([16, 64, 256, 1024]),
    });
  }

  private arrangeFaults(): void {
    const { prng } = this;
    const { faults } = this.embedder.machine.disk();
    const rarity = prng.pick([20, 100, 1000]);
    faults.onRequest(
      () => prng.oneIn(rarity),
      () => randomFault(prng),
    );
    if (prng.oneIn(2)) faults.onRequest(anyRequest, reordering(prng, 100_000));
    if (this.isChanging) faults.onReset = () => this.change();
  }

  /** The device is another one after a reset. */
  private change(): void {
    const disk = this.embedder.machine.disk();
    const rings = [F.INDIRECT_DESC, F.EVENT_IDX].filter(() => this.prng.oneIn(2));
    const gates = [F.FLUSH, F.DISCARD, F.WRITE_ZEROES].filter(() => !this.prng.oneIn(4));
    const transport = this.variant.version === 2 ? [F.VERSION_1] : [];
    disk.offer([...rings, ...gates, ...transport, F.BLK_SIZE, F.SIZE_MAX, F.SEG_MAX]);
    disk.queueSizeMax = this.prng.pick([16, 64, 256]);
    this.note(`after a reset: features ${[...disk.offered].join(" ")}`);
  }

  private disturb(): void {
    const { machine } = this.embedder;
    const { faults } = machine.disk();
    const choice = this.prng.below(5);
    if (choice === 0) machine.disk().breakDown();
    if (choice === 1) faults.resetReads = this.prng.below(60);
    if (choice === 2 && this.prng.oneIn(8)) faults.resetReads = Infinity;
    if (choice === 3) machine.idle(this.prng.below(200_000_000));
    if (choice === 4) machine.disk().engine.forgeUsed(this.prng.below(300), this.prng.below(600));
    this.note(`disturbance ${choice}`);
  }

  private send(): void {
    // A device that never came out of reset may still use the memory of what has ended
    if (this.embedder.machine.exports.blkCapacity(0) < 0n) this.revive();
    const area = this.freeAreas.pop();
    if (area === undefined) return this.collect();
    const plan = this.plan();
    const request = plan && this.submit(plan, area);
    if (request === undefined) this.freeAreas.push(area);
    else this.inFlight.add(request);
  }

  /** A request that does not collide with those in flight, or undefined. */
  private plan(): Plan | undefined {
    const { prng } = this;
    const type = prng.pick([T.IN, T.IN, T.IN, T.OUT, T.OUT, T.OUT, prng.pick([T.FLUSH, 11, 13])]);
    if (type === T.FLUSH) return { type, lba: 0, sectorCount: 0 };
    const unit = this.embedder.machine.disk().disk.blkSize / SECTOR_BYTES;
    const largest = Math.min((this.areaBytes - LIST_BYTES) / SECTOR_BYTES / unit, 2048 / unit);
    const blocks =
      1 + prng.below(Math.min(largest, prng.oneIn(50) ? largest : prng.pick([1, 2, 8, 16])));
    const sectorCount = Math.min(blocks * unit, type === T.IN || type === T.OUT ? Infinity : 1024);
    const lba = prng.below((SECTOR_COUNT - sectorCount) / unit) * unit;
    for (const other of this.inFlight) {
      const isApart = other.lba + other.sectorCount <= lba || lba + sectorCount <= other.lba;
      const areReads = other.type === T.IN && type === T.IN;
      if (!isApart && !areReads) return undefined;
    }
    return { type, lba, sectorCount };
  }

  private submit(plan: Plan, area: number): InFlight | undefined {
    const { embedder, prng } = this;
    const { type, lba, sectorCount } = plan;
    this.sentCount += 1;
    const lengthBytes = sectorCount * SECTOR_BYTES;
    const data = this.dataFor(plan);
    const isTransfer = type === T.IN || type === T.OUT;
    const pieces = isTransfer && prng.oneIn(3) ? this.cut(area, lengthBytes) : undefined;
    const whole: Piece[] = isTransfer ? [[area, lengthBytes]] : [];
    if (type === T.OUT && data) this.scatter(pieces ?? whole, data);
    const handle = pieces
      ? embedder.submitList(type, lba, pieces, area + this.areaBytes - LIST_BYTES)
      : this.submitPlain(plan, area);
    this.note(`${this.sentCount}: type ${type} at ${lba} + ${sectorCount}, ${handle}`);
    if (handle < 0) return this.refused(handle, pieces !== undefined);
    if (data) this.shadow.touch(lba, sectorCount, this.sentCount);
    const sentNs = embedder.machine.clock.nowNs;
    const sentAt = this.sentCount;
    return { ...plan, handle, area, pieces: pieces ?? whole, data, sentAt, sentNs };
  }

  private submitPlain({ type, lba, sectorCount }: Plan, area: number): number {
    if (type === T.FLUSH) return this.embedder.submit(T.FLUSH, 0, area, 0);
    const isTransfer = type === T.IN || type === T.OUT;
    if (isTransfer) return this.embedder.submit(type, lba, area, sectorCount * SECTOR_BYTES);
    const unit = this.embedder.machine.disk().disk.blkSize / SECTOR_BYTES;
    const first = sectorCount > unit ? unit : sectorCount;
    const ranges: Range[] = [
      [lba, first],
      ...(sectorCount > first ? [[lba + first, sectorCount - first] as Range] : []),
    ];
    return this.embedder.submitRanges(type, ranges, area);
  }

  /** What the sectors hold after the request. */
  private dataFor({ type, sectorCount }: Plan): Buffer | undefined {
    if (type === T.IN || type === T.FLUSH) return undefined;
    const data = Buffer.alloc(sectorCount * SECTOR_BYTES);
    if (type === T.DISCARD) return data.fill(DISCARDED);
    if (type === T.WRITE_ZEROES) return data;
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
    const salt = this.prng.next();
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(salt + i, 0x9e3779b9);
    return data;
  }

  /** Cuts `lengthBytes` of the area into pieces of any length. */
  private cut(area: number, lengthBytes: number): Piece[] {
    const pieces: Piece[] = [];
    const unit = this.prng.pick([SECTOR_BYTES, 4096, 300]);
    for (let at = 0; at < lengthBytes;) {
      const isLast = pieces.length === LIST_BYTES / 8 - 1;
      const wanted = this.prng.oneIn(2) ? unit : 1 + this.prng.below(unit);
      const length = isLast ? lengthBytes - at : Math.min(wanted, lengthBytes - at);
      pieces.push([area + at, length]);
      at += length;
    }
    return this.prng.oneIn(2) ? this.prng.shuffle(pieces) : pieces;
  }

  private scatter(pieces: readonly Piece[], data: Buffer): void {
    let from = 0;
    for (const [offset, length] of pieces) {
      this.embedder.fill(offset, data.subarray(from, from + length));
      from += length;
    }
  }

  private refused(error: number, isList: boolean): undefined {
    if (error === E.DEAD) return this.revive();
    if (error === E.ALIGN && isList) return undefined;
    const isGone = error === E.NOT_OFFERED && this.isChanging;
    if (error === E.BUSY || isGone) return this.collect();
    throw new Error(`refused with ${error}`);
  }

  /** Takes what has ended. */
  private collect(): undefined {
    for (const request of this.inFlight) {
      const result = this.embedder.poll(request.handle);
      if (this.embedder.machine.end) throw new Error(JSON.stringify(this.embedder.machine.end));
      if (result !== PENDING) this.finish(request, result);
      else this.checkTime(request);
    }
    if (this.prng.oneIn(4)) this.embedder.machine.clock.advance(this.prng.below(30_000_000));
  }

  private drain(): void {
    while (this.inFlight.size > 0) {
      this.collect();
      this.embedder.machine.clock.advance(20_000_000);
    }
  }

  /** Gets the disk going again, with a device that works for the moment. */
  private revive(): undefined {
    const { machine } = this.embedder;
    machine.disk().faults.resetReads = 0;
    for (let attempts = 0; machine.exports.blkCapacity(0) < 0n; attempts++) {
      if (attempts === 10) throw new Error("the disk does not come back");
      machine.send("reset vda");
    }
  }

  private finish(request: InFlight, result: number): void {
    const { lba, data, pieces, type, sentAt, area } = request;
    this.inFlight.delete(request);
    this.freeAreas.push(area);
    this.completedCount += 1;
    this.note(`${sentAt} ended with ${result}`);
    const isExplained = result === 0 || (this.isFaulty && EXPLAINED.has(result));
    if (!isExplained) throw new Error(`request ${sentAt} ended with ${result}`);
    if (result !== 0) {
      if (data) this.shadow.mayWrite(lba, data);
    } else if (data) {
      this.shadow.write(lba, data, this.sentCount);
    } else if (type === T.FLUSH) {
      const { unflushed } = this.embedder.machine.disk().store;
      this.check(this.shadow.lost(unflushed, sentAt), `not durable after flush ${sentAt}`);
    } else {
      const read = Buffer.concat(pieces.map((piece) => this.view(piece)));
      this.check(this.shadow.compare(lba, read), `in what request ${sentAt} has read`);
    }
  }

  private view([offset, length]: Piece): Uint8Array {
    const at = this.embedder.bufferPtr + offset;
    return this.embedder.memory.subarray(at, at + length);
  }

  private checkTime({ sentAt, sentNs }: InFlight): void {
    const tookNs = this.embedder.machine.clock.nowNs - sentNs;
    if (tookNs > DEADLINE_NS) throw new Error(`request ${sentAt} has not ended`);
  }

  private check(sector: number | undefined, where: string): void {
    if (sector !== undefined) throw new Error(`sector ${sector} is wrong ${where}`);
  }

  private note(what: string): void {
    this.trace.push(what);
    if (this.trace.length > TRACE_LENGTH) this.trace.shift();
  }
}
