/**
 * What this driver tells the one that takes its place when it fails: the command that was running,
 * how far the boot arguments have come, what the user has chosen.
 *
 * There are two copies of the record, written in turn, each with a sequence number and a checksum:
 * whenever the driver ends, one of them is whole. A record that is not whole, or not possible, is
 * not used.
 */
import { CACHE_OFF, CACHE_ON } from "../blk/device";
import { Kind } from "../blk/statistics";
import { DISK_COUNT_MAX, diskAt, diskCount, diskLetter } from "../blk/disks";
import { handoverRecords } from "../handover";
import * as host from "../host";
import { checksum } from "../io/checksum";
import { formatDecimal } from "../util/numbers";
import { out } from "./console";
import { theStore } from "./mounted";
import { exitStatus } from "./outcome";

const COMMAND_BYTES_MAX: u32 = 256;

const NS_PER_MS: u64 = 1_000_000;

const CHAR_SPACE: u8 = 0x20;
const CHAR_SEMICOLON: u8 = 0x3b;

/** Behind the checksum, which covers all the rest. */
@unmanaged
class Record {
  crc: u32;
  sequence: u32;
  /** Where in the boot arguments the next command begins. */
  bootOffset: u32;
  runsBootArgs: bool;
  hasFailed: bool;
  hasVolume: bool;
  isColoured: bool;
  /** The command, as it was typed; no bytes when none was running. */
  commandBytes: u32;
  volumeDisk: u32;
  volumeLba: u64;
  /** When the command began, and what the disks had moved by then. */
  startNs: u64;
  startReadBytes: u64;
  startWrittenBytes: u64;

  // Behind this: by disk, a timeout and a choice of cache; then the text of the command

  @inline
  get timeoutsPtr(): usize {
    return changetype<usize>(this) + offsetof<Record>();
  }

  @inline
  get cachesPtr(): usize {
    return this.timeoutsPtr + <usize>DISK_COUNT_MAX * sizeof<u64>();
  }

  @inline
  get commandPtr(): usize {
    return this.cachesPtr + <usize>DISK_COUNT_MAX;
  }
}

const RECORD_BYTES: usize =
  offsetof<Record>() + <usize>DISK_COUNT_MAX * (sizeof<u64>() + 1) + <usize>COMMAND_BYTES_MAX;

const CRC_BYTES: usize = sizeof<u32>();

/** The record as it will be written next. */
const record = changetype<Record>(memory.data(512, 16));

const copyPtr = memory.data(256, 16);
let copiedBytes: usize = 0;

let slotsPtr: usize = 0;
let isKnown: bool = false;

/** Takes the record of the last driver, if it has left one. Called once. */
export function initSuccession(): void {
  slotsPtr = handoverRecords(2 * RECORD_BYTES);
  const first = slot(0);
  const second = slot(1);
  const isSecondLater = <i32>(second.sequence - first.sequence) > 0;
  const latest = isWhole(second) && (isSecondLater || !isWhole(first)) ? second : first;
  isKnown = isWhole(latest) && latest.sequence > 0;
  if (isKnown) memory.copy(changetype<usize>(record), changetype<usize>(latest), RECORD_BYTES);
}

function slot(index: u32): Record {
  return changetype<Record>(slotsPtr + <usize>index * RECORD_BYTES);
}

function sumOf(record: Record): u32 {
  return checksum(0, changetype<usize>(record) + CRC_BYTES, <u32>(RECORD_BYTES - CRC_BYTES));
}

function isWhole(record: Record): bool {
  return (
    record.crc == sumOf(record) &&
    record.commandBytes <= COMMAND_BYTES_MAX &&
    record.volumeDisk < <u32>DISK_COUNT_MAX
  );
}

/** Whether the last driver has left a record that can be believed. */
export function knowsLast(): bool {
  return isKnown;
}

/** The record, to be changed; `writeRecord` puts it into the handover. */
export function succession(): Record {
  return record;
}

/** Copies the text of a command, and perhaps more, before it is parsed. */
export function copyCommand(textPtr: usize, textBytes: usize): void {
  copiedBytes = min(textBytes, <usize>COMMAND_BYTES_MAX);
  memory.copy(copyPtr, textPtr, copiedBytes);
}

/** A command begins. Its text is the first `textBytes` of what was copied, less what separates. */
export function noteCommand(textBytes: usize): void {
  let from: usize = 0;
  let end = min(textBytes, copiedBytes);
  while (from < end && isSeparator(load<u8>(copyPtr + from))) from += 1;
  while (from < end && isSeparator(load<u8>(copyPtr + end - 1))) end -= 1;
  record.commandBytes = <u32>(end - from);
  memory.copy(record.commandPtr, copyPtr + from, end - from);
  record.startNs = host.clockNs();
  record.startReadBytes = movedBytes(Kind.READ);
  record.startWrittenBytes = movedBytes(Kind.WRITE);
}

/** The command has ended, or is not gone on with. */
export function endCommand(): void {
  record.commandBytes = 0;
  writeRecord();
}

/** As endCommand, when the volume that is mounted now, or none, is the one to mount again. */
export function endOwnCommand(): void {
  const volume = theStore().volume;
  record.hasVolume = volume.isMounted;
  if (volume.isMounted) {
    record.volumeDisk = volume.disk.index;
    record.volumeLba = volume.firstLba;
  }
  endCommand();
}

/** Writes the command that mounts the volume again to `ptr`. Returns its length. */
export function mountCommand(ptr: usize): usize {
  let length = putText(ptr, "statefs mount vd");
  store<u8>(ptr + length++, <u8>diskLetter(diskAt(record.volumeDisk)));
  store<u8>(ptr + length++, CHAR_SPACE);
  return length + formatDecimal(record.volumeLba, ptr + length);
}

function putText(ptr: usize, text: string): usize {
  for (let i = 0; i < text.length; ++i) store<u8>(ptr + i, <u8>text.charCodeAt(i));
  return text.length;
}

/** From now on a new driver begins from here. */
export function writeRecord(): void {
  record.hasFailed = exitStatus() != 0;
  record.isColoured = out.isColoured;
  for (let i = 0; i < diskCount(); ++i) {
    const disk = diskAt(i);
    store<u64>(record.timeoutsPtr + <usize>i * sizeof<u64>(), disk.timeoutNs);
    store<u8>(record.cachesPtr + <usize>i, disk.cacheChoice);
  }
  record.sequence += 1;
  record.crc = sumOf(record);
  const to = slot(record.sequence & 1);
  memory.copy(changetype<usize>(to), changetype<usize>(record), RECORD_BYTES);
}

/** Takes up again what the user had chosen. */
export function restoreChoices(): void {
  out.isColoured = record.isColoured;
  for (let i = 0; i < diskCount(); ++i) {
    const disk = diskAt(i);
    disk.timeoutNs = load<u64>(record.timeoutsPtr + <usize>i * sizeof<u64>());
    const choice = load<u8>(record.cachesPtr + <usize>i);
    if (choice == CACHE_ON || choice == CACHE_OFF) disk.setWriteCache(choice == CACHE_ON);
  }
}

/** Says what has become of the command that was running, if one was. */
export function printInterrupted(): void {
  if (record.commandBytes == 0) return;
  const read = movedBytes(Kind.READ);
  const written = movedBytes(Kind.WRITE);
  out.printable(record.commandPtr, record.commandBytes).text(": interrupted after ");
  out.decimal((host.clockNs() - record.startNs) / NS_PER_MS).text(" ms, ");
  out.count(read - min(read, record.startReadBytes), "byte").text(" read, ");
  out
    .count(written - min(written, record.startWrittenBytes), "byte")
    .text(" written")
    .line();
}

function isSeparator(char: u8): bool {
  return char == CHAR_SPACE || char == CHAR_SEMICOLON;
}

/** What all disks together have read or written. */
function movedBytes(kind: Kind): u64 {
  let bytes: u64 = 0;
  for (let i = 0; i < diskCount(); ++i) bytes += diskAt(i).statistics.bytesOf(kind);
  return bytes;
}
