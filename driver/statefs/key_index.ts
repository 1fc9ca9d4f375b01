/**
 * Which keys there are and where their records begin: a hash table of fixed size with linear
 * probing. It holds the hash of a key and not the key, so whoever must be sure reads the record.
 */
import { reserve } from "../util/arena";
import { E_KEYS, E_OK } from "../util/errors";

/** Most keys in a store. */
const KEY_COUNT_MAX: u32 = 8192;

const SLOT_COUNT: u32 = 2 * KEY_COUNT_MAX;
const MASK: u32 = SLOT_COUNT - 1;

@unmanaged
class Entry {
  hash: u32;
  /** Unit of the volume; 0 is a free slot. */
  place: u32;
  units: u32;
}

export class KeyIndex {
  count: u32;
  /** Units of all records in the index. */
  liveUnits: u32;
  private entriesPtr: usize;

  init(): void {
    this.entriesPtr = reserve(<usize>SLOT_COUNT * offsetof<Entry>(), 16);
  }

  clear(): void {
    this.count = 0;
    this.liveUnits = 0;
    memory.fill(this.entriesPtr, 0, <usize>SLOT_COUNT * offsetof<Entry>());
  }

  private at(slot: u32): Entry {
    return changetype<Entry>(this.entriesPtr + <usize>slot * offsetof<Entry>());
  }

  /** The first slot with `hash`, or -1. */
  first(hash: u32): i32 {
    return this.search(hash, hash & MASK);
  }

  /** The slot with the same hash behind `slot`, or -1. */
  next(slot: i32): i32 {
    return this.search(this.at(slot).hash, (<u32>slot + 1) & MASK);
  }

  private search(hash: u32, from: u32): i32 {
    for (let slot = from; this.at(slot).place != 0; slot = (slot + 1) & MASK) {
      if (this.at(slot).hash == hash) return slot;
    }
    return -1;
  }

  /** The slot of the record at `place`, or -1. */
  find(hash: u32, place: u32): i32 {
    let slot = this.first(hash);
    while (slot >= 0 && this.at(slot).place != place) slot = this.next(slot);
    return slot;
  }

  place(slot: i32): u32 {
    return this.at(slot).place;
  }

  isFull(): bool {
    return this.count == KEY_COUNT_MAX;
  }

  /** Adds a record. E_OK, or E_KEYS when it is full. */
  add(hash: u32, place: u32, units: u32): i32 {
    if (this.isFull()) return E_KEYS;
    let slot = hash & MASK;
    while (this.at(slot).place != 0) slot = (slot + 1) & MASK;
    this.at(slot).hash = hash;
    this.put(slot, place, units);
    this.count += 1;
    return E_OK;
  }

  /** The key of `slot` has a new record. */
  replace(slot: i32, place: u32, units: u32): void {
    this.liveUnits -= this.at(slot).units;
    this.put(slot, place, units);
  }

  private put(slot: u32, place: u32, units: u32): void {
    const entry = this.at(slot);
    entry.place = place;
    entry.units = units;
    this.liveUnits += units;
  }

  /** Frees a slot, and moves up what was pushed behind it. */
  remove(slot: i32): void {
    this.liveUnits -= this.at(slot).units;
    this.count -= 1;
    let hole = <u32>slot;
    for (let from = (hole + 1) & MASK; this.at(from).place != 0; from = (from + 1) & MASK) {
      const home = this.at(from).hash & MASK;
      // What has its home behind the hole stays
      if (((from - home) & MASK) < ((from - hole) & MASK)) continue;
      this.copy(from, hole);
      hole = from;
    }
    this.at(hole).place = 0;
  }

  private copy(from: u32, to: u32): void {
    this.at(to).hash = this.at(from).hash;
    this.at(to).place = this.at(from).place;
    this.at(to).units = this.at(from).units;
  }
}
