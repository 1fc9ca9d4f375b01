/** What the store comes upon, as lines: at most LINES_MAX of each command, then only a count. */
import { isUtf8 } from "../util/utf8";
import { errorText } from "../util/errors";
import { StoreObserver } from "../statefs/observer";
import { StoreRecord } from "../statefs/record";
import { Volume } from "../statefs/volume";
import { out } from "./console";

const LINES_MAX: u32 = 16;

/** Bytes of a value that are shown. */
const SHOWN_BYTES: u32 = 1024;

const CHAR_TAB: u32 = 0x09;
const CHAR_LF: u32 = 0x0a;

export class StoreReport extends StoreObserver {
  /** Whether keys in use are listed; with this prefix. */
  listsKeys: bool;
  prefixPtr: usize;
  prefixBytes: u32;
  keyCount: u32;
  valueBytes: u64;
  damageCount: u32;
  discardCount: u32;
  private volume!: Volume;

  init(volume: Volume): void {
    this.volume = volume;
  }

  begin(): void {
    this.listsKeys = false;
    this.prefixBytes = 0;
    this.keyCount = 0;
    this.valueBytes = 0;
    this.damageCount = 0;
    this.discardCount = 0;
  }

  listed(record: StoreRecord): void {
    if (record.keyBytes < this.prefixBytes) return;
    if (memory.compare(record.keyPtr, this.prefixPtr, this.prefixBytes) != 0) return;
    this.keyCount += 1;
    this.valueBytes += record.valueBytes;
    if (!this.listsKeys) return;
    out.right(record.valueBytes, 7).text("  ").hex32(record.valueCrc).text("  ");
    out.bytes(record.keyPtr, record.keyBytes).line();
  }

  badValue(record: StoreRecord): void {
    if (!this.countDamage()) return;
    out.text("damaged: the value of ").bytes(record.keyPtr, record.keyBytes);
    this.printPlace(record.place);
  }

  damaged(place: u32): void {
    if (!this.countDamage()) return;
    out.text("damaged: a record");
    this.printPlace(place);
  }

  badSuperBlock(slot: u32, error: i32): void {
    if (!this.countDamage()) return;
    out.text("damaged: superblock ").decimal(slot).text(", ").text(errorText(error)).line();
  }

  discarded(record: StoreRecord): void {
    this.discardCount += 1;
    if (this.discardCount > LINES_MAX) return;
    const isFirst = record.place == this.volume.placeOf(this.volume.half, this.volume.headUnits);
    out.text("discarded: a record of ").bytes(record.keyPtr, record.keyBytes);
    out.text(isFirst ? ", cut short," : ", written behind one that was lost,");
    this.printPlace(record.place);
  }

  private countDamage(): bool {
    this.damageCount += 1;
    return this.damageCount <= LINES_MAX;
  }

  private printPlace(place: u32): void {
    out.text(" at sector ").decimal(this.volume.sectorOf(place)).line();
  }
}

/** A value on lines of its own when it is text, otherwise what is known of it. */
export function printValue(ptr: usize, lengthBytes: u32, sum: u32): void {
  let shown = min(lengthBytes, SHOWN_BYTES);
  // Not into the middle of a character
  while (shown < lengthBytes && shown > 0 && (load<u8>(ptr + shown) & 0xc0) == 0x80) shown -= 1;
  if (!isText(ptr, shown)) {
    out.count(lengthBytes, "byte").text(", not text, CRC32C ").hex32(sum);
    return out.line();
  }
  for (let i: u32 = 0; i < shown; ++i) {
    const char: u32 = load<u8>(ptr + i);
    if (char == CHAR_LF) out.line();
    else out.char(char);
  }
  out.line();
  if (shown == lengthBytes) return;
  out.text("... and ").count(lengthBytes - shown, "more byte");
  out.text(", CRC32C ").hex32(sum).line();
}

function isText(ptr: usize, lengthBytes: u32): bool {
  for (let i: u32 = 0; i < lengthBytes; ++i) {
    const char: u32 = load<u8>(ptr + i);
    if ((char < 0x20 && char != CHAR_LF && char != CHAR_TAB) || char == 0x7f) return false;
  }
  return isUtf8(ptr, lengthBytes);
}
