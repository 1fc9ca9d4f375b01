/** The disks of the machine, `vda` first, in the order in which their windows were granted. */
import * as host from "../host";
import { place, placeArray } from "../util/arena";
import { E_OK } from "../util/errors";
import { Transport } from "../virtio/transport";
import { BlkDevice } from "./device";
import { checkIdle, hearInterrupts } from "./health";
import { DiskObserver } from "./observer";

export const DISK_COUNT_MAX: i32 = 8;

/** Looks at the rings ahead of a slice that would only wait. */
const LOOKS_PER_SLICE: i32 = 16;

/** With fewer requests in flight they are polled for: to wake up takes longer than one of them. */
const SLEEP_DEPTH_MIN: u32 = 2;

/**
 * So much is waited for together: to wake up costs as much as several small requests, and nothing
 * next to a large one.
 */
const AWAITED_BYTES: u32 = 128 << 10;

/** So long small requests that are waited for together are looked for before the machine sleeps. */
const LOOK_NS: u64 = 500_000;

const NAME_BYTES: usize = 3;
const LETTER_A: u8 = 0x61;

let disks!: StaticArray<BlkDevice>;
let count: i32 = 0;
/** Whether the disks have been asked to interrupt. */
let isAwaited: bool = false;
/** All that had been sent when it was last looked for in vain. */
let lookedForCount: u32 = 0;

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
  if (inFlightCount() == 0) return;
  for (let look = 0; look < LOOKS_PER_SLICE; ++look) {
    host.fence(); // what the devices have given back by now
    for (let i = 0; i < count; ++i) {
      if (unchecked(disks[i]).queue.hasUsed()) return;
    }
  }
}

/** How many requests of `lengthBytes` bytes, at least 1, are best waited for. */
export function awaitedCount(lengthBytes: u32): i32 {
  return <i32>max<u32>(AWAITED_BYTES / lengthBytes, 1);
}

/**
 * Sends what has been submitted, and looks for a while whether `requestCount` requests of a disk
 * come back, or all that it has. Nothing is taken before, since each time costs as much as several
 * requests. A large request is not looked for: meanwhile a sleep leaves the CPU to the device.
 */
export function isBackSoon(requestCount: u32): bool {
  let sentCount: u32 = 0;
  for (let i = 0; i < count; ++i) {
    const disk = unchecked(disks[i]);
    disk.dispatch();
    sentCount += disk.queue.availIdx;
  }
  if (requestCount == 1 || inFlightCount() < SLEEP_DEPTH_MIN) return false;
  if (sentCount == lookedForCount) return false; // it is slow
  const endNs = host.clockNs() + LOOK_NS;
  do {
    for (let look = 0; look < LOOKS_PER_SLICE; ++look) {
      host.fence(); // what the devices have given back by now
      if (isBack(requestCount)) return true;
    }
  } while (host.clockNs() < endNs);
  lookedForCount = sentCount;
  return false;
}

function isBack(requestCount: u32): bool {
  for (let i = 0; i < count; ++i) {
    const queue = unchecked(disks[i]).queue;
    if (queue.isIdle()) continue;
    if (queue.backCount() >= min(requestCount, queue.inFlightCount)) return true;
  }
  return false;
}

/**
 * Lets each disk interrupt when `requestCount` of its requests have come back, or all that it has.
 * Returns whether the machine may sleep until then; `endAwaiting` comes next in any case.
 */
export function awaitDisks(requestCount: u32): bool {
  if (inFlightCount() < SLEEP_DEPTH_MIN || isAnyRecovering()) return false;
  isAwaited = true;
  let isToCome = true;
  for (let i = 0; i < count; ++i) {
    const disk = unchecked(disks[i]);
    if (disk.health != E_OK || disk.queue.isIdle()) continue;
    if (!disk.queue.enableInterrupt(requestCount)) isToCome = false;
  }
  return isToCome;
}

/** The disks are polled again. What they have interrupted for is acknowledged. */
export function endAwaiting(): void {
  if (!isAwaited) return;
  isAwaited = false;
  for (let i = 0; i < count; ++i) {
    const disk = unchecked(disks[i]);
    if (disk.health != E_OK || disk.recovery.isActive) continue;
    disk.queue.suppressInterrupts();
    hearInterrupts(disk);
  }
}

/** Requests in flight, on all disks. */
function inFlightCount(): u32 {
  let inFlight: u32 = 0;
  for (let i = 0; i < count; ++i) inFlight += unchecked(disks[i]).queue.inFlightCount;
  return inFlight;
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
