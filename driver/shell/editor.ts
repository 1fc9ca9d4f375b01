/**
 * The line editor: what keys do to the line. Backspace, Delete, Ctrl-U, left, right, Home, End,
 * Ctrl-A, Ctrl-E, Ctrl-D, up and down through the history; Tab, Ctrl-C and Enter are for the shell.
 *
 * A line longer than the buffer is not cut and run: it is refused as a whole when it ends. Keys
 * that mean nothing here are swallowed, escape sequences to their end.
 */
import { place } from "../util/arena";
import { out } from "./console";
import { LineHistory } from "./history";
import { Line } from "./line";

const CTRL_A: u32 = 0x01;
const CTRL_C: u32 = 0x03;
const CTRL_D: u32 = 0x04;
const CTRL_E: u32 = 0x05;
const CTRL_U: u32 = 0x15;
const CHAR_BACKSPACE: u32 = 0x08;
const CHAR_DELETE: u32 = 0x7f;
const CHAR_BELL: u32 = 0x07;
const CHAR_TAB: u32 = 0x09;
const CHAR_LF: u32 = 0x0a;
const CHAR_CR: u32 = 0x0d;
const CHAR_ESCAPE: u32 = 0x1b;
const CHAR_SPACE: u32 = 0x20;
const CHAR_0: u32 = 0x30;
const CHAR_CSI: u32 = 0x5b; // "[", behind an escape
const CHAR_SS3: u32 = 0x4f; // "O", behind an escape

/** The ends of escape sequences; "~" has the key in its parameter. */
const KEY_UP: u32 = 0x41; // "A"
const KEY_DOWN: u32 = 0x42; // "B"
const KEY_RIGHT: u32 = 0x43; // "C"
const KEY_LEFT: u32 = 0x44; // "D"
const KEY_END: u32 = 0x46; // "F"
const KEY_HOME: u32 = 0x48; // "H"
const KEY_NUMBERED: u32 = 0x7e; // "~"
const NUMBER_HOME: u32 = 1;
const NUMBER_DELETE: u32 = 3;
const NUMBER_END: u32 = 4;
const NUMBER_MAX: u32 = 99;

/** What a byte has brought. */
export enum LineEvent {
  NONE,
  /** `line` holds what was entered. */
  LINE,
  /** A line that did not fit has ended. */
  TOO_LONG,
  /** Ctrl-C: the line is gone. */
  CANCEL,
  /** Tab. */
  COMPLETE,
  /** Ctrl-D on an empty line. */
  LEAVE,
}

/** Where in an escape sequence the input is. */
enum Escape {
  OUTSIDE,
  STARTED,
  PARAMETERS,
}

export class Editor {
  line!: Line;
  private history!: LineHistory;
  private isCommand: bool;
  private escape: Escape;
  /** The number in an escape sequence; where there are several, all their digits. */
  private parameter: u32;
  private lastWasCr: bool;

  init(): void {
    this.line = place<Line>();
    this.line.init();
    this.history = place<LineHistory>();
    this.history.init();
  }

  /** Starts an empty line, which goes into the history if it `isCommand`. */
  begin(isCommand: bool): void {
    this.isCommand = isCommand;
    this.line.clear();
    this.history.begin();
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
        this.line.toEnd();
        out.text("^C").line();
        return LineEvent.CANCEL;
      case CTRL_D:
        return this.endOrErase();
      case CHAR_TAB:
        return this.askCompletion();
      default:
        this.edit(byte);
        return LineEvent.NONE;
    }
  }

  private endOrErase(): LineEvent {
    if (this.line.lengthBytes == 0) {
      out.line();
      return LineEvent.LEAVE;
    }
    this.line.eraseAt();
    return LineEvent.NONE;
  }

  /** The answer to a question is not completed. */
  private askCompletion(): LineEvent {
    if (this.isCommand) return LineEvent.COMPLETE;
    out.char(CHAR_BELL);
    return LineEvent.NONE;
  }

  private edit(byte: u32): void {
    const line = this.line;
    if (byte == CHAR_BACKSPACE || byte == CHAR_DELETE) line.eraseBefore();
    else if (byte == CTRL_U) line.eraseAll();
    else if (byte == CTRL_A) line.toStart();
    else if (byte == CTRL_E) line.toEnd();
    else if (byte == CHAR_ESCAPE) this.escape = Escape.STARTED;
    else if (byte >= CHAR_SPACE) line.insert(byte);
  }

  private feedEscape(byte: u32): void {
    if (this.escape == Escape.STARTED) {
      const opens = byte == CHAR_CSI || byte == CHAR_SS3;
      this.escape = opens ? Escape.PARAMETERS : Escape.OUTSIDE;
      this.parameter = 0;
      return;
    }
    if (byte < 0x40) {
      // Parameters, up to the byte that ends the sequence
      const digit = byte - CHAR_0;
      if (digit < 10) this.parameter = min(this.parameter * 10 + digit, NUMBER_MAX);
      return;
    }
    this.escape = Escape.OUTSIDE;
    if (byte == KEY_NUMBERED) this.pressNumbered();
    else this.press(byte);
  }

  private press(key: u32): void {
    const line = this.line;
    if (key == KEY_UP) this.recall(-1);
    else if (key == KEY_DOWN) this.recall(1);
    else if (key == KEY_RIGHT) line.right();
    else if (key == KEY_LEFT) line.left();
    else if (key == KEY_HOME) line.toStart();
    else if (key == KEY_END) line.toEnd();
  }

  private pressNumbered(): void {
    if (this.parameter == NUMBER_HOME) this.line.toStart();
    else if (this.parameter == NUMBER_END) this.line.toEnd();
    else if (this.parameter == NUMBER_DELETE) this.line.eraseAt();
  }

  private finish(): LineEvent {
    const line = this.line;
    line.toEnd();
    out.line();
    if (line.isTooLong) return LineEvent.TOO_LONG;
    if (this.isCommand && line.lengthBytes > 0) this.history.add(line.ptr, line.lengthBytes);
    return LineEvent.LINE;
  }

  /** Shows another line of the history in place of the one being edited. */
  private recall(step: i32): void {
    const history = this.history;
    const line = this.line;
    if (!history.recall(step, line.ptr, line.lengthBytes)) return;
    line.replace(history.foundPtr, history.foundBytes);
  }
}
