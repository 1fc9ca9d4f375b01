/** One record as it was read from the disk, after every check that its header allows. */
import { reserve } from "../util/arena";
import { crc32c } from "../util/crc32c";
import { isUtf8 } from "../util/utf8";
import * as layout from "./layout";
import { Volume } from "./volume";

/** Bytes that hold any header and its key. */
export const HEAD_BYTES_MAX: u32 = layout.RECORD_HEADER_BYTES + layout.KEY_BYTES_MAX;

/** Whether these bytes can be a key: 1 to 255 of them, UTF-8, nothing a terminal obeys. */
export function isKey(ptr: usize, lengthBytes: usize): bool {
  if (lengthBytes == 0 || lengthBytes > <usize>layout.KEY_BYTES_MAX) return false;
  for (let i: usize = 0; i < lengthBytes; ++i) {
    const byte = load<u8>(ptr + i);
    if (byte < 0x20 || byte == 0x7f) return false;
    // U+0080 to U+009F
    if (byte == 0xc2 && i + 1 < lengthBytes && load<u8>(ptr + i, 1) < 0xa0) return false;
  }
  return isUtf8(ptr, lengthBytes);
}

/** The hash of a key. */
export function keyHash(ptr: usize, lengthBytes: usize): u32 {
  return crc32c(0, ptr, lengthBytes);
}

export class StoreRecord {
  place: u32;
  units: u32;
  kind: u8;
  sequence: u64;
  generation: u32;
  replaces: u32;
  valueBytes: u32;
  valueCrc: u32;
  keyPtr: usize;
  keyBytes: u32;
  hash: u32;

  init(): void {
    this.keyPtr = reserve(layout.KEY_BYTES_MAX, 16);
  }

  /** Bytes in front of the value. */
  headBytes(): u32 {
    return layout.RECORD_HEADER_BYTES + this.keyBytes;
  }

  /**
   * Takes what is at `ptr`, at least HEAD_BYTES_MAX bytes read from unit `place` of a log of
   * `epoch`. False when it is no header that was written there.
   */
  parse(volume: Volume, epoch: u32, place: u32, ptr: usize): bool {
    const header = changetype<layout.RecordHeader>(ptr);
    if (header.magic != layout.RECORD_MAGIC || header.volumeId != volume.volumeId) return false;
    if (header.epoch != epoch || header.place != place) return false;
    const keyBytes: u32 = header.keyBytes;
    if (keyBytes > layout.KEY_BYTES_MAX || header.headerCrc != headerSum(ptr, keyBytes))
      return false;
    const keyPtr = ptr + layout.RECORD_HEADER_BYTES;
    if (!isKey(keyPtr, keyBytes) || !isKindSound(header)) return false;
    if (!areCounts(header.sequence, header.generation)) return false;
    this.place = place;
    this.kind = header.kind;
    this.sequence = header.sequence;
    this.generation = header.generation;
    this.replaces = header.replaces;
    this.valueBytes = header.valueBytes;
    this.valueCrc = header.valueCrc;
    this.keyBytes = keyBytes;
    memory.copy(this.keyPtr, keyPtr, keyBytes);
    this.hash = keyHash(this.keyPtr, keyBytes);
    this.units = volume.unitsFor(keyBytes, header.valueBytes);
    return true;
  }

  hasKey(ptr: usize, lengthBytes: u32): bool {
    return this.keyBytes == lengthBytes && memory.compare(this.keyPtr, ptr, lengthBytes) == 0;
  }
}

/** Whether counting can have come to these numbers, and can go on from them. */
export function areCounts(large: u64, small: u32): bool {
  return large < <u64>i64.MAX_VALUE && small < <u32>i32.MAX_VALUE;
}

function isKindSound(header: layout.RecordHeader): bool {
  if (header.kind == layout.RECORD_REMOVE) return header.valueBytes == 0;
  return header.kind == layout.RECORD_PUT && header.valueBytes <= layout.VALUE_BYTES_MAX;
}

/** The sum over the header and the key behind it. */
export function headerSum(ptr: usize, keyBytes: u32): u32 {
  const lengthBytes = layout.RECORD_HEADER_BYTES - layout.RECORD_SUM_START + keyBytes;
  return crc32c(0, ptr + layout.RECORD_SUM_START, lengthBytes);
}
