/**
 * The area that outlives this instance of the driver. When the instance ends, whatever ended it,
 * the host keeps the bytes that are in the area, and `initHandover` finds them there again.
 *
 *   offset 0          magic, version, length: what the bytes behind them mean
 *          64         records of the shell (shell/succession.ts)
 *          1024       a slot for each disk (blk/statistics.ts)
 *
 * An instance that ends because of a bug of its own may have written anything here, so each owner
 * of a part checks it before it uses what it finds.
 */
import * as host from "./host";
import { reserve } from "./util/arena";

const MAGIC: u32 = 0x6f487354; // "TsHo"
/** Changes with every change of what is in the area. */
const VERSION: u32 = 1;

const RECORDS_OFFSET: usize = 64;
const RECORDS_BYTES: usize = 960;
const DISKS_OFFSET: usize = 1024;
const DISK_BYTES: usize = 6144;
const DISK_COUNT: usize = 8;
const AREA_BYTES: usize = DISKS_OFFSET + DISK_COUNT * DISK_BYTES;

let areaPtr: usize = 0;
let hasPredecessor: bool = false;

/** Takes what the last instance left, if there was one. Called once, before all the others here. */
export function initHandover(): void {
  areaPtr = reserve(AREA_BYTES, 16);
  const lengthBytes = host.handoverRead(areaPtr, AREA_BYTES);
  hasPredecessor = lengthBytes > 0;
  const isKnown =
    <usize>lengthBytes == AREA_BYTES &&
    load<u32>(areaPtr) == MAGIC &&
    load<u32>(areaPtr, 4) == VERSION &&
    load<u32>(areaPtr, 8) == <u32>AREA_BYTES;
  if (!isKnown) memory.fill(areaPtr, 0, AREA_BYTES);
  store<u32>(areaPtr, MAGIC);
  store<u32>(areaPtr, VERSION, 4);
  store<u32>(areaPtr, <u32>AREA_BYTES, 8);
  host.handoverKeep(areaPtr, AREA_BYTES);
}

/** Whether this instance takes the place of one that has ended. */
export function isSuccessor(): bool {
  return hasPredecessor;
}

/** The part for the records of the shell; zero, or what the last instance left. */
export function handoverRecords(lengthBytes: usize): usize {
  assert(lengthBytes <= RECORDS_BYTES, "the records do not fit the handover");
  return areaPtr + RECORDS_OFFSET;
}

/** The part for disk number `index`; zero, or what the last instance left. */
export function handoverDisk(index: i32, lengthBytes: usize): usize {
  assert(<usize>index < DISK_COUNT && lengthBytes <= DISK_BYTES, "no room in the handover");
  return areaPtr + DISKS_OFFSET + <usize>index * DISK_BYTES;
}
