/** The disks of the machine, `vda` first, in the order in which their windows were granted. */
import { place, placeArray } from "../util/arena";
import { Transport } from "../virtio/transport";
import { BlkDevice } from "./device";

export const DISK_COUNT_MAX: i32 = 8;

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
  for (let i = 0; i < count; ++i) disks[i].poll();
}
