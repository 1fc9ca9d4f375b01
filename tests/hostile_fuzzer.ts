/**
 * Random requests on a device that does whatever it likes: the driver must neither trap nor hang,
 * nor let the device write outside the buffers of the requests.
 *
 * Every request ends within a bound of virtual time, with a result that exists; the memory between
 * the buffers, and behind them, stays what it was. What the buffers hold is the device's business.
 */
import assert from "node:assert/strict";
import { diskOf, E, Embedder, PENDING, type Piece, SECTOR_BYTES, VARIANTS } from "./embedder.js";
import { anyRequest, randomFault } from "./machine/faults.js";
import { HostileWindow, randomOffset } from "./machine/hostile.js";
import { Prng } from "./machine/prng.js";
import { F, T } from "./machine/spec.js";

const SLOT_BYTES = 32 << 10;
const DATA_BYTES = 16 << 10;
/** A list of buffers is here in the slot; the rest of the slot is never given to the device. */
const LIST_AT = 20 << 10;
const LIST_LENGTH = 8;
const CANARY = 0xc5;
/** Virtual time within which every request must have ended. */
const DEADLINE_NS = 120e9;
const LOWEST_ERROR = -31;
const TRACE_LENGTH = 40;
const CHECK_EVERY = 250;

const FEATURES = [F.BLK_SIZE, F.FLUSH, F.DISCARD, F.WRITE_ZEROES, F.SECURE_ERASE, F.LIFETIME];
const LIMITS = [F.SIZE_MAX, F.SEG_MAX, F.TOPOLOGY, F.CONFIG_WCE];
const TYPES = [T.IN, T.IN, T.OUT, T.OUT, T.FLUSH, T.GET_ID, T.GET_LIFETIME, 11, 13, 14, 99];

interface InFlight {
  readonly handle: number;
  readonly slot: number;
  readonly sentNs: number;
}

export class HostileFuzzer {
  readonly trace: string[] = [];
  readonly variant;
  private readonly prng: Prng;
  private readonly embedder: Embedder;
  private readonly window: HostileWindow;
  private readonly slotCount: number;
  private readonly freeSlots: number[];
  private readonly inFlight = new Set<InFlight>();
  private readonly canary: Buffer;
  private sentCount = 0;

  constructor(readonly seed: number) {
    const prng = new Prng(seed ^ 0x5eed);
    this.prng = prng;
    this.variant = VARIANTS[seed % VARIANTS.length]!;
    const features = [...FEATURES, ...LIMITS.filter(() => prng.oneIn(2))];
    const limits = prng.pick([{ sizeMax: 4096, segMax: 4 }, { sizeMax: 1000, segMax: 0 }, {}]);
    const options = { limits, queueSizeMax: prng.pick([8, 64, 256]) };
    const { mode } = this.variant;
    this.embedder = new Embedder(diskOf(this.variant, features, options), { mode });
    this.window = new HostileWindow(this.embedder.machine, prng);
    this.slotCount = Math.floor(this.embedder.bufferBytes / SLOT_BYTES);
    this.freeSlots = Array.from({ length: this.slotCount }, (_, slot) => slot);
    this.canary = Buffer.alloc(this.embedder.bufferBytes, CANARY);
    this.embedder.fill(0, this.canary);
  }

  /** Sends `count` requests and sees all of them end. */
  run(count: number): void {
    this.turn();
    while (this.sentCount < count) {
      const choice = this.prng.below(16);
      if (choice < 8) this.send();
      else if (choice < 13) this.collect();
      else if (choice < 15) this.scribble();
      else if (this.prng.oneIn(10)) this.turn();
    }
    this.calm();
    while (this.inFlight.size > 0) this.collect();
    this.checkCanaries();
    this.worksAgain();
  }

  /** The device behaves from now on as a new throw of the dice says. */
  private turn(): void {
    const { prng, embedder, window } = this;
    const { faults } = embedder.machine.disk();
    this.calm();
    window.garbageRarity = prng.pick([Infinity, 3, 30, 300]);
    faults.isHolding = prng.oneIn(2);
    faults.isSilent = prng.oneIn(8);
    faults.resetReads = prng.pick([0, 0, 0, prng.below(100), Infinity]);
    const offset = randomOffset(prng);
    const lie = prng.next();
    if (prng.oneIn(4)) faults.onRead = (at, value) => (at === offset ? lie : value);
    if (prng.oneIn(2))
      faults.onRequest(
        () => prng.oneIn(4),
        () => randomFault(prng),
      );
    this.note(`a turn: garbage one in ${window.garbageRarity}, ${faults.resetReads} reset reads`);
  }

  private calm(): void {
    const { faults } = this.embedder.machine.disk();
    this.window.garbageRarity = Infinity;
    faults.isHolding = false;
    faults.isSilent = false;
    faults.resetReads = 0;
    faults.onRead = undefined;
    faults.clearRequests();
  }

  private send(): void {
    const { prng, embedder } = this;
    const { machine } = embedder;
    if (machine.exports.blkCapacity(0) < 0n) return this.reset();
    const slot = this.freeSlots.pop();
    if (slot === undefined) return this.collect();
    this.sentCount += 1;
    const type = prng.pick(TYPES);
    const lba = prng.oneIn(10) ? prng.next() : prng.below(64);
    const handle = prng.oneIn(4) ? this.sendList(type, lba, slot) : this.sendPlain(type, lba, slot);
    this.checkAlive();
    this.note(`${this.sentCount}: type ${type} at ${lba} in slot ${slot}, ${handle}`);
    if (handle < 0) {
      assert.ok(handle >= LOWEST_ERROR, `refused with ${handle}`);
      this.freeSlots.push(slot);
    } else {
      this.inFlight.add({ handle, slot, sentNs: machine.clock.nowNs });
    }
    if (this.sentCount % CHECK_EVERY === 0) this.checkCanaries();
  }

  private sendPlain(type: number, lba: number, slot: number): number {
    const at = slot * SLOT_BYTES;
    if (type <= T.OUT) {
      const bytes = SECTOR_BYTES * (1 + this.prng.below(DATA_BYTES / SECTOR_BYTES));
      return this.embedder.submit(type, lba, at, bytes);
    }
    if (type === 11 || type === 13 || type === 14) {
      return this.embedder.submitRanges(type, [[lba, 1 + this.prng.below(8)]], at);
    }
    const lengths = new Map<number, number>([
      [T.GET_ID, 20],
      [T.GET_LIFETIME, 6],
    ]);
    return this.embedder.submit(type, 0, at, lengths.get(type) ?? 0);
  }

  private sendList(type: number, lba: number, slot: number): number {
    const step = DATA_BYTES / LIST_LENGTH;
    const pieces = Array.from({ length: 1 + this.prng.below(LIST_LENGTH) }, (_, index): Piece => {
      const length = this.prng.oneIn(2) ? SECTOR_BYTES : 1 + this.prng.below(step);
      return [slot * SLOT_BYTES + index * step, length];
    });
    return this.embedder.submitList(type, lba, pieces, slot * SLOT_BYTES + LIST_AT);
  }

  private scribble(): void {
    const { prng, window, embedder } = this;
    const { machine } = embedder;
    const acts: (() => void)[] = [
      () => window.scribbleRings(),
      () => window.scribbleRings(),
      () => window.scribbleStatus(),
      () => machine.disk().engine.release(prng.pick(machine.disk().engine.held)),
      () => machine.disk().engine.forgeUsed(prng.below(300), prng.next(), prng.below(4)),
      () => machine.disk().breakDown(),
      () => machine.disk().resize(64 + prng.below(4096)),
      () => machine.clock.advance(prng.below(2_000_000_000)),
      () => machine.idle(prng.below(100_000_000)),
    ];
    const choice = prng.below(acts.length);
    this.note(`scribble ${choice}`);
    if (choice === 3 && machine.disk().engine.held.length === 0) return;
    window.quietly(acts[choice]!, undefined);
    this.checkAlive();
  }

  private collect(): void {
    const { machine } = this.embedder;
    for (const request of this.inFlight) {
      const result = this.embedder.poll(request.handle);
      this.checkAlive();
      if (result === PENDING) {
        const tookNs = machine.clock.nowNs - request.sentNs;
        assert.ok(tookNs < DEADLINE_NS, `handle ${request.handle} has not ended`);
        continue;
      }
      assert.ok(result <= 0 && result >= LOWEST_ERROR, `result ${result}`);
      this.note(`${request.handle} ended with ${result}`);
      this.inFlight.delete(request);
      this.freeSlots.push(request.slot);
    }
    machine.clock.advance(this.prng.below(100_000_000));
  }

  private reset(): void {
    this.note("reset");
    this.embedder.machine.send("reset vda");
    this.checkAlive();
    if (this.prng.oneIn(3)) this.calm();
  }

  /** When the device has come to its senses, so has the disk. */
  private worksAgain(): void {
    const { machine } = this.embedder;
    machine.send("reset vda");
    machine.disk().faults.onRequest(anyRequest, {});
    const result = this.embedder.transfer(T.IN, 0, 0, 4096);
    assert.equal(result, 0, "the disk does not work again");
    assert.notEqual(this.embedder.submit(T.IN, 0, 0, 4096), E.DEAD);
  }

  private checkAlive(): void {
    const { end } = this.embedder.machine;
    assert.equal(end, undefined, JSON.stringify(end));
  }

  /** Everything but the data and the lists of the slots. */
  private checkCanaries(): void {
    const { memory, bufferPtr } = this.embedder;
    for (let slot = 0; slot < this.slotCount; slot++) {
      const at = slot * SLOT_BYTES;
      this.checkRange(memory, bufferPtr, at + DATA_BYTES, at + LIST_AT);
      this.checkRange(memory, bufferPtr, at + LIST_AT + 8 * LIST_LENGTH, at + SLOT_BYTES);
    }
  }

  private checkRange(memory: Uint8Array, base: number, from: number, to: number): void {
    const actual = memory.subarray(base + from, base + to);
    const isIntact = Buffer.compare(actual, this.canary.subarray(from, to)) === 0;
    assert.ok(isIntact, `memory outside the buffers changed between ${from} and ${to}`);
  }

  private note(what: string): void {
    this.trace.push(what);
    if (this.trace.length > TRACE_LENGTH) this.trace.shift();
  }
}
