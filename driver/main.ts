/**
 * Wires the parts of the driver together. These are the only exports, and the only place that names
 * transports.
 *
 * A host calls `start` once, then `step` as often as that says, and `receive` for every byte from
 * the console. The block API lets it read and write without the shell.
 */
import { BlkDevice } from "./blk/device";
import {
  DISK_COUNT_MAX,
  addDisk,
  awaitDisks,
  diskAt,
  diskCount,
  endAwaiting,
  initDisks,
  isBackSoon,
  lookAtRings,
  observeDisks,
  pollDisks,
  watchDisks,
} from "./blk/disks";
import { VIRTIO_ID_BLOCK } from "./blk/layout";
import { REQUEST_BYTES_MAX } from "./blk/config";
import { HandleTable, diskOfHandle } from "./blk/handles";
import { initDma, reservePages } from "./dma";
import { initHandover, isSuccessor } from "./handover";
import * as host from "./host";
import { AWAITS_TIME } from "./shell/command";
import { addAllCommands } from "./shell/commands/all";
import { out } from "./shell/console";
import { DiskNotices } from "./shell/disk_notices";
import { printDiskLine } from "./shell/disk_text";
import { Shell } from "./shell/shell";
import { place, placeArray, reserve } from "./util/arena";
import { E_ARGUMENT, E_NO_DEVICE, E_OK } from "./util/errors";
import { mmioDeviceId, mmioVersion } from "./virtio/mmio";
import { MmioLegacy } from "./virtio/mmio_legacy";
import { MmioModern } from "./virtio/mmio_modern";

/** Changes with every change of imports or exports that a host would notice. */
const ABI_VERSION: u32 = 1;

/** Results of `step`. */
const IDLE: i32 = 0;
const BUSY: i32 = 1;
const WAITING: i32 = 2;

const PANIC_TEXT_BYTES: usize = 256;

let shell!: Shell;
/** The next window to probe; all have been when it is the number of windows. */
let nextWindow: u32 = 0;
let isReady: bool = false;
let bufferPtr: usize = 0;
let panicTextPtr: usize = 0;
let handleTables!: StaticArray<HandleTable>;

export function abiVersion(): u32 {
  return ABI_VERSION;
}

/**
 * Places everything the driver will ever need. Returns E_OK. The disks are found by the first calls
 * of `step`.
 */
export function start(): i32 {
  panicTextPtr = reserve(PANIC_TEXT_BYTES, 16);
  initDma();
  initHandover();
  out.init();
  initDisks();
  handleTables = placeArray<HandleTable>(DISK_COUNT_MAX);
  bufferPtr = reservePages(REQUEST_BYTES_MAX);
  shell = place<Shell>();
  shell.init();
  addAllCommands();
  return E_OK;
}

/** A byte from the console. */
export function receive(byte: u32): void {
  shell.receive(byte);
}

/**
 * One bounded slice of work: probes one window, or takes completions and lets the running command
 * go on. Returns when to call it again:
 *
 *   1 BUSY     at once
 *   0 IDLE     when a byte has come, or after 100 ms
 *   2 WAITING  when a byte has come or a device has interrupted, or after 1 ms; or at once
 */
export function step(): i32 {
  if (!isReady) {
    if (nextWindow < host.windowCount()) probe(nextWindow++);
    else becomeReady();
    return BUSY;
  }
  endAwaiting();
  lookAtRings();
  pollDisks();
  const awaited = shell.step();
  if (awaited > 0 && !isBackSoon(awaited) && awaitDisks(awaited)) return WAITING;
  if (awaited != AWAITS_TIME) return BUSY;
  watchDisks();
  return IDLE;
}

/** Adds the disk in `window`, if there is one. */
function probe(window: u32): void {
  const version = mmioVersion(window);
  if (version == 0) return;
  if (version > 2) return reportWindow(window, "its version is neither 1 nor 2");
  if (mmioDeviceId(window) != VIRTIO_ID_BLOCK) return;
  if (diskCount() == DISK_COUNT_MAX) return reportWindow(window, "there are eight already");
  const disk = version == 1 ? addLegacy(window) : addModern(window);
  const handles = place<HandleTable>();
  handles.init(disk);
  handleTables[disk.index] = handles;
  if (!isSuccessor() || disk.health != E_OK) printDiskLine(disk);
}

function addLegacy(window: u32): BlkDevice {
  const transport = place<MmioLegacy>();
  transport.init(window);
  return addDisk(transport);
}

function addModern(window: u32): BlkDevice {
  const transport = place<MmioModern>();
  transport.init(window);
  return addDisk(transport);
}

function reportWindow(window: u32, why: string): void {
  out.text("window ").decimal(window).text(": not used, ").text(why).line();
}

function becomeReady(): void {
  isReady = true;
  if (!isSuccessor()) printReady();
  const notices = place<DiskNotices>();
  notices.init(shell);
  observeDisks(notices);
  shell.begin();
}

function printReady(): void {
  if (diskCount() == 0) out.text("no disk found").line();
  out.text("TSBLK: ready").line();
}

/** Number of disks. Valid once the first prompt has appeared. */
export function blkCount(): i32 {
  return diskCount();
}

/** Capacity of a disk in sectors, or a negative error. */
export function blkCapacity(disk: i32): i64 {
  if (disk < 0 || disk >= diskCount()) return E_NO_DEVICE;
  const device = diskAt(disk);
  return device.health == E_OK ? <i64>device.config.capacitySectors : device.health;
}

/** Memory that an embedder may use for data, page aligned. */
export function blkBuffer(): usize {
  return bufferPtr;
}

/** Length of that memory, in bytes: also the largest request. */
export function blkBufferLength(): usize {
  return REQUEST_BYTES_MAX;
}

/**
 * Sends a request of a type of §5.2.6 for `lengthBytes` at sector `lba` from or to memory at
 * `dataPtr`, which belongs to the disk until `blkPoll` says otherwise. Returns a handle, or a
 * negative error.
 */
export function blkSubmit(disk: i32, type: u32, lba: u64, dataPtr: usize, lengthBytes: u32): i32 {
  if (disk < 0 || disk >= diskCount()) return E_NO_DEVICE;
  return handleTables[disk].submit(type, lba, dataPtr, lengthBytes, 0);
}

/**
 * As blkSubmit, for a read or write of `bufferCount` buffers: `listPtr` points to as many pairs of
 * u32, pointer and length.
 */
export function blkSubmitList(
  disk: i32,
  type: u32,
  lba: u64,
  listPtr: usize,
  bufferCount: u32,
): i32 {
  if (disk < 0 || disk >= diskCount()) return E_NO_DEVICE;
  if (bufferCount == 0) return E_ARGUMENT;
  return handleTables[disk].submit(type, lba, listPtr, 0, bufferCount);
}

/**
 * 1 while the request goes on, 0 when it is done, or its negative error; unless it is 1, the handle
 * is no longer valid. After the error E_RESET (-26) the device may still write to the memory of the
 * request, until a later reset of the disk has succeeded.
 */
export function blkPoll(handle: i32): i32 {
  const disk = diskOfHandle(handle);
  if (handle < 0 || disk >= diskCount()) return E_ARGUMENT;
  diskAt(disk).poll();
  return handleTables[disk].take(handle);
}

/**
 * Every failed assertion ends here: `fileName` and `line` say where. Called by the compiler's own
 * code as well.
 */
function abort(message: string | null, fileName: string | null, line: u32, column: u32): void {
  let lengthBytes: usize = 0;
  if (message) lengthBytes = appendText(message, lengthBytes);
  lengthBytes = appendText(" in ", lengthBytes);
  if (fileName) lengthBytes = appendText(fileName, lengthBytes);
  host.panic(panicTextPtr, lengthBytes, line);
}

/** Appends ASCII text to the panic text, as far as it fits. Returns the new length. */
function appendText(text: string, lengthBytes: usize): usize {
  for (let i = 0; i < text.length && lengthBytes < PANIC_TEXT_BYTES; ++i) {
    store<u8>(panicTextPtr + lengthBytes, <u8>text.charCodeAt(i));
    lengthBytes += 1;
  }
  return lengthBytes;
}
