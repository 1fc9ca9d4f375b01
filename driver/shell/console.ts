/**
 * Console output: text and numbers, collected and written in one host call a line.
 * String literals of the driver are ASCII; text from outside is passed through as the bytes it is.
 */
import * as host from "../host";
import { reserve } from "../util/arena";
import { DECIMAL_MAX_BYTES, decimalLength, formatDecimal, hexDigit } from "../util/numbers";

const BUFFER_BYTES: usize = 512;

/** What is coloured on a terminal that was asked to be: SGR of ECMA-48. */
export const BOLD: string = "\x1b[1m";
export const RED: string = "\x1b[31m";
export const GREEN: string = "\x1b[32m";
const PLAIN: string = "\x1b[0m";

const CHAR_CR: u32 = 0x0d;
const CHAR_LF: u32 = 0x0a;

export class Console {
  /** Whether the terminal shows colours: only when the user says so. */
  isColoured: bool;
  private bufferPtr: usize;
  private lengthBytes: usize;
  private isAlarm: bool;
  /** The last byte that was written out. */
  private lastByte: u8;

  init(): void {
    this.bufferPtr = reserve(BUFFER_BYTES, 16);
    this.lastByte = <u8>CHAR_LF;
  }

  /** Writes out what has been collected. */
  flush(): void {
    if (this.lengthBytes == 0) return;
    host.consoleWrite(this.bufferPtr, this.lengthBytes);
    this.lastByte = load<u8>(this.bufferPtr + this.lengthBytes - 1);
    this.lengthBytes = 0;
  }

  char(char: u32): Console {
    if (this.lengthBytes == BUFFER_BYTES) this.flush();
    store<u8>(this.bufferPtr + this.lengthBytes, <u8>char);
    this.lengthBytes += 1;
    return this;
  }

  text(text: string): Console {
    for (let i = 0; i < text.length; ++i) this.char(text.charCodeAt(i));
    return this;
  }

  bytes(textPtr: usize, lengthBytes: usize): Console {
    for (let i: usize = 0; i < lengthBytes; ++i) this.char(load<u8>(textPtr + i));
    return this;
  }

  /** Text from a device: what is not printable ASCII becomes a dot. */
  printable(textPtr: usize, lengthBytes: usize): Console {
    for (let i: usize = 0; i < lengthBytes; ++i) {
      const byte: u32 = load<u8>(textPtr + i);
      this.char(byte >= 0x20 && byte < 0x7f ? byte : 0x2e);
    }
    return this;
  }

  decimal(value: u64): Console {
    if (this.lengthBytes + DECIMAL_MAX_BYTES > BUFFER_BYTES) this.flush();
    this.lengthBytes += formatDecimal(value, this.bufferPtr + this.lengthBytes);
    return this;
  }

  /** `1 sector`, `2 sectors` */
  count(value: u64, noun: string): Console {
    this.decimal(value).text(" ").text(noun);
    return value == 1 ? this : this.text("s");
  }

  /** A number at the right end of `width` columns. */
  right(value: u64, width: i32): Console {
    for (let i = decimalLength(value); i < width; ++i) this.char(0x20);
    return this.decimal(value);
  }

  /** Nanoseconds as microseconds with three decimals. */
  microseconds(ns: u64): Console {
    this.decimal(ns / 1000).text(".");
    const rest = <u32>(ns % 1000);
    return this.char(0x30 + rest / 100)
      .char(0x30 + ((rest / 10) % 10))
      .char(0x30 + (rest % 10));
  }

  /** The same at the right end of `width` columns. */
  rightMicroseconds(ns: u64, width: i32): Console {
    for (let i = decimalLength(ns / 1000) + 4; i < width; ++i) this.char(0x20);
    return this.microseconds(ns);
  }

  hexByte(value: u32): Console {
    return this.char(hexDigit(value >> 4)).char(hexDigit(value & 15));
  }

  /** A CRC32C: eight digits. */
  hex32(value: u32): Console {
    for (let shift = 28; shift >= 0; shift -= 4) this.char(hexDigit((value >> shift) & 15));
    return this;
  }

  /** Spaces up to `width` characters behind a text of `length`, and at least one. */
  pad(length: i32, width: i32): Console {
    for (let i = min(length, width - 1); i < width; ++i) this.char(0x20);
    return this;
  }

  /** The same text in `colour`, of those above, up to `plain`. */
  paint(colour: string): Console {
    return this.isColoured ? this.text(colour) : this;
  }

  plain(): Console {
    return this.isColoured ? this.text(PLAIN) : this;
  }

  /** The line tells of an error: it is red, also what has been collected of it. */
  alarm(): Console {
    if (!this.isColoured || this.isAlarm) return this;
    this.isAlarm = true;
    const colourBytes = <usize>RED.length;
    if (this.lengthBytes + colourBytes > BUFFER_BYTES) this.flush();
    const endBytes = this.lengthBytes;
    memory.copy(this.bufferPtr + colourBytes, this.bufferPtr, endBytes);
    this.lengthBytes = 0;
    this.text(RED);
    this.lengthBytes += endBytes;
    return this;
  }

  /** Ends the line that somebody else has left open, such as one of progress. */
  freshLine(): void {
    this.flush();
    if (this.lastByte != <u8>CHAR_LF && this.lastByte != <u8>CHAR_CR) this.line();
  }

  /** Ends the line and writes it out. */
  line(): void {
    if (this.isAlarm) this.plain();
    this.isAlarm = false;
    this.char(CHAR_CR).char(CHAR_LF).flush();
  }
}

/** The console of the machine. */
export const out = changetype<Console>(memory.data(offsetof<Console>(), 16));
