/**
 * A sink that dumps: sixteen bytes a line, with their offset, in hexadecimal and as text. Lines
 * that repeat the one before are left out, and a `*` stands for them.
 *
 *   00000200  68 65 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  |hello...........|
 */
import { OrderedSink, Piece } from "../io/stream";
import { reserve } from "../util/arena";
import { E_OK, PENDING } from "../util/errors";
import { hexDigit } from "../util/numbers";
import { out } from "./console";

const ROW_BYTES: u32 = 16;
const ROWS_PER_SLICE: i32 = 16;

/** Digits of an offset, or more when it has more. */
const OFFSET_DIGITS: i32 = 8;

export class HexSink extends OrderedSink {
  /** Offset that the first byte is shown with. */
  private startOffset: u64;
  private shownOffset: u64;
  private rowPtr: usize;
  private rowBytes: u32;
  private lastRowPtr: usize;
  private hasLastRow: bool;
  private isRepeating: bool;

  init(): void {
    this.rowPtr = reserve(ROW_BYTES, 16);
    this.lastRowPtr = reserve(ROW_BYTES, 16);
  }

  use(startOffset: u64): void {
    this.startOffset = startOffset;
    this.shownOffset = startOffset;
    this.rowBytes = 0;
    this.hasLastRow = false;
    this.isRepeating = false;
  }

  go(piece: Piece): i32 {
    for (let row = 0; row < ROWS_PER_SLICE && piece.doneBytes < piece.lengthBytes; ++row) {
      const bytes = min(ROW_BYTES - this.rowBytes, piece.lengthBytes - piece.doneBytes);
      memory.copy(this.rowPtr + this.rowBytes, piece.ptr + piece.doneBytes, bytes);
      piece.doneBytes += bytes;
      this.rowBytes += bytes;
      if (this.rowBytes == ROW_BYTES) this.showRow();
    }
    return piece.doneBytes < piece.lengthBytes ? PENDING : E_OK;
  }

  /** What is left of a row, and the offset behind the last byte. */
  finish(): void {
    if (this.rowBytes > 0) this.showRow();
    if (this.shownOffset == this.startOffset) return;
    printOffset(this.shownOffset);
    out.line();
  }

  private showRow(): void {
    const isSame =
      this.hasLastRow &&
      this.rowBytes == ROW_BYTES &&
      load<u64>(this.rowPtr) == load<u64>(this.lastRowPtr) &&
      load<u64>(this.rowPtr, 8) == load<u64>(this.lastRowPtr, 8);
    if (!isSame) this.printRow();
    else if (!this.isRepeating) out.text("*").line();
    this.isRepeating = isSame;
    memory.copy(this.lastRowPtr, this.rowPtr, ROW_BYTES);
    this.hasLastRow = true;
    this.shownOffset += this.rowBytes;
    this.rowBytes = 0;
  }

  private printRow(): void {
    printOffset(this.shownOffset);
    for (let i: u32 = 0; i < ROW_BYTES; ++i) {
      out.text(i % 8 == 0 ? "  " : " ");
      if (i < this.rowBytes) out.hexByte(load<u8>(this.rowPtr + i));
      else out.text("  ");
    }
    out.text("  |").printable(this.rowPtr, this.rowBytes).text("|").line();
  }
}

function printOffset(offset: u64): void {
  let digits = OFFSET_DIGITS;
  while (digits < 16 && offset >> (4 * digits) != 0) digits += 1;
  for (let at = digits - 1; at >= 0; --at) out.char(hexDigit((<u32>(offset >> (4 * at))) & 15));
}
