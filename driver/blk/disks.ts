/** The disks of the machine, `vda` first, in the order in which their windows were granted. */
import * as host from "../host";
import { place, placeArray } from "../util/arena";
import { Transport } from "../virtio/transport";
import { BlkDevice } from "./device";
import { checkIdle } from "./health";
import { DiskObserver } from "./observer";

export const DISK_COUNT_MAX: i32 = 8;

/** Looks at the rings ahead of a slice that would only wait. */
const LOOKS_PER_SLICE: i32 = 16;

const NAME_BYTES: usize = 3;
const LETTER_A: u8 = 0x61;

let disks!: StaticArray<BlkDevice>;
let count: i32 = 0;

/** Reserves the list. Called once. */
export function initDisks(): void {
  disks = placeArray<BlkDevice>(DISK_COUNT_MAX);
}

export function diskCount(): i32 {
  return count;
}

/** Disk number `index`, below `diskCount()`. */
export function diskAt(index: i32): BlkDevice {
  return disks[index];
}

/**
 * Adds the block device behind `transport` and brings it up. The caller has looked whether there is
 * room.
 */
export function addDisk(transport: Transport): BlkDevice {
  assert(count < DISK_COUNT_MAX, "too many disks");
  const disk = place<BlkDevice>();
  disk.init(count, transport);
  disks[count++] = disk;
  disk.bringUp();
  return disk;
}

/** The letter in the name of a disk: `a` for vda. */
export function diskLetter(disk: BlkDevice): u32 {
  return <u32>LETTER_A + disk.index;
}

/** The disk called by the text at `namePtr`, such as `vdb`, or null. */
export function diskByName(namePtr: usize, lengthBytes: usize): BlkDevice | null {
  if (lengthBytes != NAME_BYTES) return null;
  if (load<u8>(namePtr) != 0x76 || load<u8>(namePtr, 1) != 0x64) return null; // "vd"
  const index = <i32>load<u8>(namePtr, 2) - LETTER_A;
  return index >= 0 && index < count ? disks[index] : null;
}

/** One slice of work for every disk. */
export function pollDisks(): void {
  for (let i = 0; i < count; ++i) unchecked(disks[i]).poll();
}

/**
 * Waits a little for something to come back, with as little as possible between two looks at a
 * ring. Returns at once when nothing is in flight.
 */
export function lookAtRings(): void {
  if (!isAnyBusy()) return;
  for (let look = 0; look < LOOKS_PER_SLICE; ++look) {
    host.fence(); // what the devices have given back by now
    for (let i = 0; i < count; ++i) {
      if (unchecked(disks[i]).queue.hasUsed()) return;
    }
  }
}

/** Whether a disk has requests in flight. */
function isAnyBusy(): bool {
  for (let i = 0; i < count; ++i) {
    if (!disks[i].queue.isIdle()) return true;
  }
  return false;
}

/** A look at the disks while the machine has nothing to do. */
export function watchDisks(): void {
  for (let i = 0; i < count; ++i) checkIdle(disks[i]);
}

/** Whether a disk is being reset. */
export function isAnyRecovering(): bool {
  for (let i = 0; i < count; ++i) {
    if (disks[i].recovery.isActive) return true;
  }
  return false;
}

/**
 * Whether a device that does not come out of its reset may still write to memory that has been
 * given to it: no other disk may use memory that is shared between disks then.
 */
export function isAnyHoldingMemory(): bool {
  for (let i = 0; i < count; ++i) {
    if (disks[i].recovery.holdsMemory) return true;
  }
  return false;
}

/** Tells `observer` what happens to the disks from now on. */
export function observeDisks(observer: DiskObserver): void {
  for (let i = 0; i < count; ++i) disks[i].observer = observer;
}
