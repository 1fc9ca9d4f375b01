/**
 * The device side of one split virtqueue (§2.7).
 *
 * The queue looks at the rings when the driver passes a fence, and then takes over what the driver
 * has published: the chain is walked and copied there and then. Between two looks it keeps a copy
 * of table and available ring, which shows whether what was published had been visible before the
 * index moved (SPLIT-12), and a notification without a fence after the index shows itself too
 * (SPLIT-13). Loads by the driver cannot be seen, so the barriers for them cannot.
 */

import { isEqual, words32 } from "./bytes.js";
import { Chain, ChainWalker } from "./chain.js";
import { GuestMemory } from "./memory.js";
import { AVAIL_F_NO_INTERRUPT, Desc, USED_F_NO_NOTIFY } from "./spec.js";
import { Referee } from "./violation.js";

export interface QueuePlace {
  readonly size: number;
  readonly tablePhys: number;
  readonly availPhys: number;
  readonly usedPhys: number;
}

export interface QueueFeatures {
  readonly hasIndirect: boolean;
  readonly hasEventIdx: boolean;
}

const u16 = (value: number): number => value & 0xffff;

/** Whether moving an index from `from` to `to` passes `event` (§2.7.10.1). */
function passes(event: number, from: number, to: number): boolean {
  return u16(to - event - 1) < u16(to - from);
}

export class SplitQueue {
  /** Handed over by the driver, not yet taken by the device. */
  private readonly waiting: Chain[] = [];
  private readonly inFlight = new Map<number, Chain>();
  private readonly owner: (number | undefined)[];
  private readonly walker: ChainWalker;
  private seenIdx = 0;
  /** Up to where the device knows of what has been published. */
  kickedIdx = 0;
  private usedIdx = 0;
  private avail: Uint8Array;
  private table: Uint8Array;
  /** The device reads the ring by itself and asks not to be notified. */
  private wantsSilence = false;
  private wasSilentAtFence = false;
  private eventIdx = 0;
  /** Whether the driver wants interrupts at all, and past which index, as of its last fence. */
  private wantsInterrupts = true;
  private usedEvent = 0;

  constructor(
    readonly place: QueuePlace,
    private readonly features: QueueFeatures,
    private readonly memory: GuestMemory,
    private readonly referee: Referee,
  ) {
    const { size, tablePhys } = place;
    this.owner = new Array<number | undefined>(size);
    this.walker = new ChainWalker(memory, referee, tablePhys, size, features.hasIndirect);
    this.table = memory.copy(tablePhys, size * Desc.BYTES);
    this.avail = memory.copy(place.availPhys, this.availBytes);
  }

  /** Buffers the device owns, whether it has taken them or not. */
  get inFlightCount(): number {
    return this.inFlight.size;
  }

  get hasWaiting(): boolean {
    return this.waiting.length > 0;
  }

  /** Published, and not announced although the device asked for it. */
  get lacksKick(): boolean {
    if (this.seenIdx === this.kickedIdx) return false;
    if (this.features.hasEventIdx) return passes(this.eventIdx, this.kickedIdx, this.seenIdx);
    return !this.wantsSilence;
  }

  /** At a fence of the driver: takes over what has been published. */
  look(): void {
    const { availPhys, size } = this.place;
    const idx = this.memory.read16(availPhys + 2);
    const freshCount = u16(idx - this.seenIdx);
    const jump = `avail.idx went from ${this.seenIdx} to ${idx}`;
    this.referee.require(freshCount <= size, "SPLIT-10", jump);
    this.checkFlags(this.memory.read16(availPhys));
    for (; this.seenIdx !== idx; this.seenIdx = u16(this.seenIdx + 1)) this.takeOver(this.seenIdx);
    this.table.set(this.memory.slice(this.place.tablePhys, this.table.length));
    this.avail.set(this.memory.slice(availPhys, this.avail.length));
    this.wantsInterrupts = (this.memory.read16(availPhys) & AVAIL_F_NO_INTERRUPT) === 0;
    if (this.features.hasEventIdx) this.usedEvent = this.memory.read16(availPhys + 4 + 2 * size);
    this.wasSilentAtFence = this.wantsSilence;
  }

  /** At a notification. */
  kick(): void {
    const idx = this.memory.read16(this.place.availPhys + 2);
    this.referee.require(
      idx === this.seenIdx,
      "SPLIT-13",
      "no fence between avail.idx and the kick",
    );
    const isNew = this.kickedIdx !== this.seenIdx;
    if (isNew && this.features.hasEventIdx) {
      const isWanted = passes(this.eventIdx, this.kickedIdx, this.seenIdx);
      this.referee.require(isWanted, "SPLIT-19", "a kick that avail_event did not ask for");
    } else if (isNew) {
      this.referee.require(!this.wasSilentAtFence, "SPLIT-18", "a kick although NO_NOTIFY is set");
    }
    this.kickedIdx = this.seenIdx;
  }

  pop(): Chain | undefined {
    const chain = this.waiting.shift();
    if (!chain) return undefined;
    this.kickedIdx = this.seenIdx;
    this.moveEvent();
    return chain;
  }

  /**
   * Asks for notifications, or asks not to be notified. A wish takes effect for the driver at its
   * next fence.
   */
  setSilence(wantsSilence: boolean): void {
    this.wantsSilence = wantsSilence;
    if (this.features.hasEventIdx) this.moveEvent();
    else this.memory.write16(this.place.usedPhys, wantsSilence ? USED_F_NO_NOTIFY : 0);
  }

  /**
   * Writes a used entry and moves the index by `step`. Returns whether the driver wants an
   * interrupt.
   */
  push(id: number, lengthBytes: number, step = 1): boolean {
    this.giveBack(id);
    const { usedPhys, size } = this.place;
    this.memory.write(usedPhys + 4 + (this.usedIdx % size) * 8, words32(id, lengthBytes));
    const before = this.usedIdx;
    this.usedIdx = u16(before + step);
    // An index that jumps gives back whatever the entries it passes name
    for (let passed = 1; passed < step; passed++) {
      this.giveBack(this.memory.read32(usedPhys + 4 + (u16(before + passed) % size) * 8));
    }
    this.memory.writeAhead16(usedPhys + 2, this.usedIdx);
    return this.isInterruptWanted(before, this.usedIdx);
  }

  private isInterruptWanted(from: number, to: number): boolean {
    return this.features.hasEventIdx ? passes(this.usedEvent, from, to) : this.wantsInterrupts;
  }

  /** Whether an interrupt is wanted for any of the buffers that the device has. */
  get awaitsInterrupt(): boolean {
    const count = this.inFlight.size;
    return count > 0 && this.isInterruptWanted(this.usedIdx, u16(this.usedIdx + count));
  }

  /** The queue stops, by reset or by its own register: last look at what was never given back. */
  stop(): void {
    for (const chain of this.inFlight.values()) chain.verify(this.referee);
    this.inFlight.clear();
    this.waiting.length = 0;
  }

  private get availBytes(): number {
    return 4 + 2 * this.place.size;
  }

  private checkFlags(flags: number): void {
    const allowed = this.features.hasEventIdx ? 0 : AVAIL_F_NO_INTERRUPT;
    this.referee.require((flags & ~allowed) === 0, "SPLIT-15", `avail.flags is ${flags}`);
  }

  private takeOver(idx: number): void {
    const slot = 4 + 2 * (idx % this.place.size);
    const head = this.memory.read16(this.place.availPhys + slot);
    const before = (this.avail[slot] ?? 0) | ((this.avail[slot + 1] ?? 0) << 8);
    const chain = this.walker.walk(head);
    for (const id of chain.ids) {
      const isFree = this.owner[id] === undefined;
      this.referee.require(isFree, "RESET-02", `descriptor ${id} is in flight already`);
      this.owner[id] = head;
    }
    this.referee.require(before === head, "SPLIT-12", "no fence between ring entry and avail.idx");
    this.checkVisible(chain);
    this.inFlight.set(head, chain);
    this.waiting.push(chain);
  }

  private checkVisible(chain: Chain): void {
    for (const id of chain.ids) {
      const at = id * Desc.BYTES;
      const now = this.memory.slice(this.place.tablePhys + at, Desc.BYTES);
      const isSame = isEqual(now, this.table.subarray(at, at + Desc.BYTES));
      this.referee.require(isSame, "SPLIT-12", `no fence between descriptor ${id} and avail.idx`);
    }
  }

  private giveBack(id: number): void {
    const chain = this.inFlight.get(id);
    if (!chain) return;
    chain.verify(this.referee);
    for (const own of chain.ids) this.owner[own] = undefined;
    this.inFlight.delete(id);
  }

  /**
   * avail_event is the next index the device waits for, or one that will not come for a long time.
   */
  private moveEvent(): void {
    if (!this.features.hasEventIdx) return;
    const nextIdx = this.seenIdx - this.waiting.length;
    this.eventIdx = u16(this.wantsSilence ? nextIdx - 0x4000 : nextIdx);
    this.memory.write16(this.place.usedPhys + 4 + 8 * this.place.size, this.eventIdx);
  }
}
