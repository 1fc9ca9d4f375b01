/**
 * The line editor: echo, backspace, Ctrl-U, Ctrl-C, history with the arrow keys, for a terminal
 * that is UTF-8.
 *
 * A line longer than the buffer is not cut and run: it is refused as a whole when it ends. Keys
 * that mean nothing here are swallowed, escape sequences to their end.
 */
import { placeArray, reserve } from "../util/arena";
import { isContinuation } from "../util/utf8";
import { out } from "./console";

/** Longest line, in bytes: a sector of text and the command around it. */
export const LINE_BYTES_MAX: usize = 1024;

const HISTORY_COUNT: i32 = 16;
const NUMBER_WIDTH: i32 = 5;

const CTRL_C: u32 = 0x03;
const CTRL_U: u32 = 0x15;
const CHAR_BACKSPACE: u32 = 0x08;
const CHAR_DELETE: u32 = 0x7f;
const CHAR_BELL: u32 = 0x07;
const CHAR_TAB: u32 = 0x09;
const CHAR_LF: u32 = 0x0a;
const CHAR_CR: u32 = 0x0d;
const CHAR_ESCAPE: u32 = 0x1b;
const CHAR_SPACE: u32 = 0x20;
const CHAR_CSI: u32 = 0x5b; // "[", behind an escape
const CHAR_SS3: u32 = 0x4f; // "O", behind an escape
const KEY_UP: u32 = 0x41; // "A", end of the sequence
const KEY_DOWN: u32 = 0x42; // "B"

/** What a byte has brought. */
export enum LineEvent {
  NONE,
  /** `linePtr` and `lengthBytes` hold a line. */
  LINE,
  /** A line that did not fit has ended. */
  TOO_LONG,
  /** Ctrl-C: the line is gone. */
  CANCEL,
}

/** Where in an escape sequence the input is. */
enum Escape {
  OUTSIDE,
  STARTED,
  PARAMETERS,
}

/** The editor whose history is shown. */
let shown!: Editor;

/** Prints the lines that the arrow keys bring back, the oldest first, with their numbers. */
export function printHistory(): void {
  shown.printHistory();
}

export class Editor {
  linePtr: usize;
  lengthBytes: usize;
  private isTooLong: bool;
  private isCommand: bool;
  private escape: Escape;
  private lastWasCr: bool;
  private historyPtr: usize;
  private historyBytes!: StaticArray<usize>;
  /** Lines entered so far; line k is in slot k modulo HISTORY_COUNT. */
  private historyEnd: i32;
  /** The line shown now; `historyEnd` is the new one. */
  private historyAt: i32;

  init(): void {
    shown = this;
    this.linePtr = reserve(LINE_BYTES_MAX, 16);
    this.historyPtr = reserve(LINE_BYTES_MAX * HISTORY_COUNT, 16);
    this.historyBytes = placeArray<usize>(HISTORY_COUNT);
  }

  /** Starts an empty line, which goes into the history if it `isCommand`. */
  begin(isCommand: bool): void {
    this.isCommand = isCommand;
    this.lengthBytes = 0;
    this.isTooLong = false;
    this.historyAt = this.historyEnd;
  }

  /** Whether the line is exactly `text`. */
  holds(text: string): bool {
    if (this.lengthBytes != <usize>text.length) return false;
    for (let i = 0; i < text.length; ++i) {
      if (load<u8>(this.linePtr + i) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Takes one byte from the terminal. */
  feed(byte: u32): LineEvent {
    const followsCr = this.lastWasCr;
    this.lastWasCr = byte == CHAR_CR;
    if (this.escape != Escape.OUTSIDE && byte >= CHAR_SPACE) {
      this.feedEscape(byte);
      return LineEvent.NONE;
    }
    this.escape = Escape.OUTSIDE; // a control character cuts a sequence off
    switch (byte) {
      case CHAR_LF:
        return followsCr ? LineEvent.NONE : this.finish(); // CR LF is one key
      case CHAR_CR:
        return this.finish();
      case CTRL_C:
        out.text("^C").line();
        return LineEvent.CANCEL;
      default:
        this.edit(byte);
        return LineEvent.NONE;
    }
  }

  private edit(byte: u32): void {
    if (byte == CHAR_BACKSPACE || byte == CHAR_DELETE) this.eraseCharacter();
    else if (byte == CTRL_U) this.eraseLine();
    else if (byte == CHAR_ESCAPE) this.escape = Escape.STARTED;
    else if (byte == CHAR_TAB) this.insert(CHAR_SPACE);
    else if (byte >= CHAR_SPACE) this.insert(byte);
  }

  private insert(byte: u32): void {
    if (this.lengthBytes == LINE_BYTES_MAX) {
      this.isTooLong = true;
      out.char(CHAR_BELL);
      return;
    }
    store<u8>(this.linePtr + this.lengthBytes, <u8>byte);
    this.lengthBytes += 1;
    out.char(byte);
  }

  /** Takes back one character, which may be several bytes. */
  private eraseCharacter(): void {
    if (this.lengthBytes == 0) return;
    do {
      this.lengthBytes -= 1;
    } while (this.lengthBytes > 0 && isContinuation(load<u8>(this.linePtr + this.lengthBytes)));
    out.text("\b \b");
  }

  private eraseLine(): void {
    while (this.lengthBytes > 0) this.eraseCharacter();
    this.isTooLong = false;
  }

  private feedEscape(byte: u32): void {
    if (this.escape == Escape.STARTED) {
      const opens = byte == CHAR_CSI || byte == CHAR_SS3;
      this.escape = opens ? Escape.PARAMETERS : Escape.OUTSIDE;
      return;
    }
    if (byte < 0x40) return; // parameters, up to the byte that ends the sequence
    this.escape = Escape.OUTSIDE;
    if (byte == KEY_UP) this.recall(this.historyAt - 1);
    else if (byte == KEY_DOWN) this.recall(this.historyAt + 1);
  }

  private finish(): LineEvent {
    out.line();
    if (this.isTooLong) return LineEvent.TOO_LONG;
    this.remember();
    return LineEvent.LINE;
  }

  private historySlot(line: i32): usize {
    return this.historyPtr + <usize>(line % HISTORY_COUNT) * LINE_BYTES_MAX;
  }

  printHistory(): void {
    for (let line = max(0, this.historyEnd - HISTORY_COUNT); line < this.historyEnd; ++line) {
      out.right(line + 1, NUMBER_WIDTH).text("  ");
      out.bytes(this.historySlot(line), this.historyBytes[line % HISTORY_COUNT]).line();
    }
  }

  private remember(): void {
    if (this.lengthBytes == 0 || !this.isCommand || this.isLastLine()) return;
    memory.copy(this.historySlot(this.historyEnd), this.linePtr, this.lengthBytes);
    this.historyBytes[this.historyEnd % HISTORY_COUNT] = this.lengthBytes;
    this.historyEnd += 1;
  }

  private isLastLine(): bool {
    if (this.historyEnd == 0) return false;
    const last = this.historyEnd - 1;
    if (this.historyBytes[last % HISTORY_COUNT] != this.lengthBytes) return false;
    return memory.compare(this.historySlot(last), this.linePtr, this.lengthBytes) == 0;
  }

  /**
   * Shows a line of the history in place of the one being edited; behind the last one, an empty
   * line.
   */
  private recall(line: i32): void {
    if (line < 0 || line < this.historyEnd - HISTORY_COUNT || line > this.historyEnd) return;
    this.eraseLine();
    this.historyAt = line;
    if (line == this.historyEnd) return;
    this.lengthBytes = this.historyBytes[line % HISTORY_COUNT];
    memory.copy(this.linePtr, this.historySlot(line), this.lengthBytes);
    out.bytes(this.linePtr, this.lengthBytes);
  }
}
