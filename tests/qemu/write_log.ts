/**
 * QEMU's own record of what a guest writes: the log of its `blklogwrites` driver, in the format of
 * Linux's dm-log-writes.
 *
 *   sector 0     magic u64, version u64, number of entries u64, bytes of a sector u32
 *   then, for each entry, a sector with
 *                sector u64, number of sectors u64, flags u64, bytes of data u64
 *                and the sectors that were written, if it is a write
 *
 * All numbers are little-endian.
 */
import { readFileSync } from "node:fs";

const MAGIC = 0x6a736677736872n;
const VERSION = 1n;
const FLAG_FLUSH = 1;
const FLAG_DISCARD = 4;

/** One entry: data at a sector, or a flush. */
export interface LoggedWrite {
  readonly sector: number;
  readonly data: Uint8Array;
}
export type LogEntry = LoggedWrite | "flush";

/** QEMU's arguments for a disk with the image and the log at these paths, which exist. */
export function loggedDisk(image: string, log: string, blockBytes: number): string[] {
  const drive = [
    "if=none,id=logged,driver=blklogwrites",
    `file.driver=raw,file.file.driver=file,file.file.filename=${image}`,
    `log.driver=file,log.filename=${log}`,
    "log-super-update-interval=1",
  ].join(",");
  const sizes = `logical_block_size=${blockBytes},physical_block_size=${blockBytes}`;
  return ["-drive", drive, "-device", `virtio-blk-device,drive=logged,${sizes}`];
}

function numberAt(log: Buffer, offset: number): number {
  return Number(log.readBigUInt64LE(offset));
}

/** The entries that are in the log now. Throws on what is no such log, or is cut short. */
export function readWriteLog(path: string): LogEntry[] {
  const log = readFileSync(path);
  if (log.readBigUInt64LE(0) !== MAGIC || log.readBigUInt64LE(8) !== VERSION) {
    throw new Error(`${path} is no log of writes`);
  }
  const count = numberAt(log, 16);
  const sectorBytes = log.readUInt32LE(24);
  const entries: LogEntry[] = [];
  let at = sectorBytes;
  for (let entry = 0; entry < count; entry++) {
    const sector = numberAt(log, at);
    const dataBytes = numberAt(log, at + 8) * sectorBytes;
    const flags = numberAt(log, at + 16);
    at += sectorBytes;
    if (flags & FLAG_FLUSH) entries.push("flush");
    if (dataBytes === 0) continue;
    if (flags & FLAG_DISCARD) throw new Error(`${path}: entry ${entry} is a discard`);
    if (at + dataBytes > log.length) throw new Error(`${path}: entry ${entry} is cut short`);
    entries.push({ sector, data: log.subarray(at, at + dataBytes) });
    at += dataBytes;
  }
  return entries;
}
