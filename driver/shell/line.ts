/**
 * The line that is being typed: text, a cursor in it, and both on the terminal, which is UTF-8.
 *
 *   dd read 7 vda          lengthBytes at the end
 *           ^ cursorBytes
 *
 * Every change is shown at once. A character is one column wide, and the line is not longer than
 * the terminal; where it is, the text is right and what is seen of it may not be.
 */
import { reserve } from "../util/arena";
import { isContinuation } from "../util/utf8";
import { out } from "./console";

/** Longest line, in bytes: a sector of text and the command around it. */
export const LINE_BYTES_MAX: usize = 1024;

const CHAR_BACKSPACE: u32 = 0x08;
const CHAR_BELL: u32 = 0x07;
const CHAR_SPACE: u32 = 0x20;

export class Line {
  ptr: usize;
  lengthBytes: usize;
  cursorBytes: usize;
  /** More was typed than fits. */
  isTooLong: bool;

  init(): void {
    this.ptr = reserve(LINE_BYTES_MAX, 16);
  }

  /** An empty line, of which nothing is shown yet. */
  clear(): void {
    this.lengthBytes = 0;
    this.cursorBytes = 0;
    this.isTooLong = false;
  }

  /** Whether the line is exactly `text`. */
  holds(text: string): bool {
    if (this.lengthBytes != <usize>text.length) return false;
    for (let i = 0; i < text.length; ++i) {
      if (load<u8>(this.ptr + i) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Puts a byte in front of the cursor, with a bell when there is no room. */
  insert(byte: u32): void {
    if (this.lengthBytes == LINE_BYTES_MAX) {
      this.isTooLong = true;
      out.char(CHAR_BELL);
      return;
    }
    const at = this.ptr + this.cursorBytes;
    const behindBytes = this.lengthBytes - this.cursorBytes;
    memory.copy(at + 1, at, behindBytes);
    store<u8>(at, <u8>byte);
    this.lengthBytes += 1;
    this.cursorBytes += 1;
    out.char(byte);
    if (behindBytes > 0 && this.isWhole()) this.showBehind(0);
  }

  /** Whether the character in front of the cursor has all of its bytes. */
  private isWhole(): bool {
    const first = this.before(this.cursorBytes);
    const lead: u32 = load<u8>(this.ptr + first);
    const wanted: usize = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return this.cursorBytes - first >= wanted;
  }

  /** Where the character in front of `at` begins. */
  private before(at: usize): usize {
    do {
      at -= 1;
    } while (at > 0 && isContinuation(load<u8>(this.ptr + at)));
    return at;
  }

  /** Where the character at `at` ends. */
  private after(at: usize): usize {
    do {
      at += 1;
    } while (at < this.lengthBytes && isContinuation(load<u8>(this.ptr + at)));
    return at;
  }

  /** Shows what is behind the cursor, and blanks behind it, and goes back to the cursor. */
  private showBehind(blankCount: i32): void {
    const from = this.ptr + this.cursorBytes;
    out.bytes(from, this.lengthBytes - this.cursorBytes);
    for (let i = 0; i < blankCount; ++i) out.char(CHAR_SPACE);
    for (let i = 0; i < blankCount; ++i) out.char(CHAR_BACKSPACE);
    for (let at = this.cursorBytes; at < this.lengthBytes; at = this.after(at)) {
      out.char(CHAR_BACKSPACE);
    }
  }

  /** Takes back the character in front of the cursor. */
  eraseBefore(): void {
    if (this.cursorBytes == 0) return;
    this.left();
    this.eraseAt();
  }

  /** Takes away the character at the cursor. */
  eraseAt(): void {
    if (this.cursorBytes == this.lengthBytes) return;
    const end = this.after(this.cursorBytes);
    const behindBytes = this.lengthBytes - end;
    memory.copy(this.ptr + this.cursorBytes, this.ptr + end, behindBytes);
    this.lengthBytes = this.cursorBytes + behindBytes;
    this.showBehind(1);
  }

  eraseAll(): void {
    this.toEnd();
    while (this.lengthBytes > 0) this.eraseBefore();
    this.isTooLong = false;
  }

  left(): void {
    if (this.cursorBytes == 0) return;
    this.cursorBytes = this.before(this.cursorBytes);
    out.char(CHAR_BACKSPACE);
  }

  right(): void {
    if (this.cursorBytes == this.lengthBytes) return;
    const end = this.after(this.cursorBytes);
    out.bytes(this.ptr + this.cursorBytes, end - this.cursorBytes);
    this.cursorBytes = end;
  }

  toStart(): void {
    while (this.cursorBytes > 0) this.left();
  }

  toEnd(): void {
    while (this.cursorBytes < this.lengthBytes) this.right();
  }

  /** Takes another text in place of this one. */
  replace(textPtr: usize, textBytes: usize): void {
    this.eraseAll();
    memory.copy(this.ptr, textPtr, textBytes);
    this.lengthBytes = textBytes;
    this.toEnd();
  }

  /** Shows all of it on a row of its own, behind what stands there already. */
  show(): void {
    out.bytes(this.ptr, this.cursorBytes);
    this.showBehind(0);
  }
}
