/**
 * Handles: requests for a caller that asks for results instead of being told, such as the host
 * through the block API.
 *
 * A handle names an entry of the table and its generation, so that a handle kept too long is
 * refused, not mistaken.
 */
import { placeArray } from "../util/arena";
import { E_ARGUMENT, E_BUSY, PENDING } from "../util/errors";
import { QUEUE_SIZE_LIMIT } from "../virtio/queue";
import { BlkDevice } from "./device";
import { Owner } from "./request";

/** Handle: generation, disk in three bits, entry in eight; never negative. */
const ENTRY_BITS: i32 = 8;
const DISK_BITS: i32 = 3;
const ENTRY_COUNT: i32 = 1 << ENTRY_BITS;
const GENERATION_MASK: i32 = 0xfffff;

/** What an entry holds besides a result. */
const FREE: i32 = i32.MIN_VALUE;

export class HandleTable extends Owner {
  private disk!: BlkDevice;
  private results!: StaticArray<i32>;
  private generations!: StaticArray<i32>;
  private entryOfSlot!: StaticArray<i32>;

  init(disk: BlkDevice): void {
    this.disk = disk;
    this.results = placeArray<i32>(ENTRY_COUNT);
    this.generations = placeArray<i32>(ENTRY_COUNT);
    this.entryOfSlot = placeArray<i32>(QUEUE_SIZE_LIMIT);
    for (let entry = 0; entry < ENTRY_COUNT; ++entry) this.results[entry] = FREE;
  }

  /**
   * Sends a request; with `bufferCount` above 0 the data is a list of so many buffers. Returns its
   * handle, or why not.
   */
  submit(type: u32, lba: u64, dataPtr: usize, lengthBytes: u32, bufferCount: u32): i32 {
    const entry = this.freeEntry();
    if (entry < 0) return E_BUSY;
    this.disk.readClock(); // nobody may have polled for long
    const slot =
      bufferCount > 0
        ? this.disk.submitList(type, lba, dataPtr, bufferCount, this)
        : this.disk.submit(type, lba, dataPtr, lengthBytes, this);
    if (slot < 0) return slot;
    this.entryOfSlot[slot] = entry;
    this.results[entry] = PENDING;
    this.generations[entry] = (this.generations[entry] + 1) & GENERATION_MASK;
    this.disk.dispatch();
    return (((this.generations[entry] << DISK_BITS) | this.disk.index) << ENTRY_BITS) | entry;
  }

  private freeEntry(): i32 {
    for (let entry = 0; entry < ENTRY_COUNT; ++entry) {
      if (this.results[entry] == FREE) return entry;
    }
    return -1;
  }

  completed(slot: i32, result: i32, latencyNs: u64): void {
    this.results[this.entryOfSlot[slot]] = result;
  }

  /**
   * PENDING, or the result, after which the handle is no longer valid; E_ARGUMENT when it is not.
   */
  take(handle: i32): i32 {
    const entry = handle & (ENTRY_COUNT - 1);
    const generation = handle >> (ENTRY_BITS + DISK_BITS);
    const result = this.results[entry];
    if (result == FREE || this.generations[entry] != generation) return E_ARGUMENT;
    if (result != PENDING) this.results[entry] = FREE;
    return result;
  }
}

/** Index of the disk that a handle belongs to. */
export function diskOfHandle(handle: i32): i32 {
  return (handle >> ENTRY_BITS) & ((1 << DISK_BITS) - 1);
}
