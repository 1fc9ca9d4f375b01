/**
 * Splits a line into commands and words.
 *
 * Words are separated by spaces or tabs, commands by `;`. Single or double quotes keep spaces and
 * `;` in a word; there is no escape character. Quotes are taken off in place, so the line is
 * changed and belongs to the arguments from then on.
 */
import { placeArray } from "../util/arena";
import { E_OK, E_QUOTE, E_TOO_MANY } from "../util/errors";

const WORD_COUNT_MAX: i32 = 16;

const CHAR_TAB: u32 = 0x09;
const CHAR_SPACE: u32 = 0x20;
const CHAR_DOUBLE_QUOTE: u32 = 0x22;
const CHAR_SINGLE_QUOTE: u32 = 0x27;
const CHAR_SEMICOLON: u32 = 0x3b;

/** The words of one command; word 0 is its name. */
export class Args {
  count: i32;
  /** Words before the command, which belong to one that runs it. */
  private first: i32;
  private wordPtr!: StaticArray<usize>;
  private wordBytes!: StaticArray<usize>;
  /** Where the next command begins: behind the `;` of the last one. */
  nextPtr: usize;
  private endPtr: usize;

  init(): void {
    this.wordPtr = placeArray<usize>(WORD_COUNT_MAX);
    this.wordBytes = placeArray<usize>(WORD_COUNT_MAX);
  }

  /** Starts with a new line of commands. */
  setLine(linePtr: usize, lengthBytes: usize): void {
    this.nextPtr = linePtr;
    this.endPtr = linePtr + lengthBytes;
  }

  /** Whether the line has more to parse. */
  hasMore(): bool {
    return this.nextPtr < this.endPtr;
  }

  /** Bytes that are not parsed yet. */
  restBytes(): usize {
    return this.endPtr - this.nextPtr;
  }

  /** Drops the rest of the line. */
  dropLine(): void {
    this.nextPtr = this.endPtr;
  }

  ptr(index: i32): usize {
    return this.wordPtr[this.first + index];
  }

  lengthBytes(index: i32): usize {
    return this.wordBytes[this.first + index];
  }

  /** Whether word `index` is exactly `text`. */
  is(index: i32, text: string): bool {
    if (index >= this.count || this.lengthBytes(index) != <usize>text.length) return false;
    for (let i = 0; i < text.length; ++i) {
      if (load<u8>(this.ptr(index) + i) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Where in the line word 0 is. */
  position(): i32 {
    return this.first;
  }

  /** Makes the word at `position` of the line word 0. */
  moveTo(position: i32): void {
    this.count += this.first - position;
    this.first = position;
  }

  /**
   * Parses the next command into words; `count` is 0 when it is empty. Returns E_OK, E_QUOTE or
   * E_TOO_MANY.
   */
  parseCommand(): i32 {
    this.count = 0;
    this.first = 0;
    let error = E_OK;
    while (this.skipToWord()) {
      if (this.count == WORD_COUNT_MAX) error = E_TOO_MANY;
      else this.count += 1;
      if (!this.parseWord(this.count - 1)) error = E_QUOTE;
    }
    return error;
  }

  /**
   * Moves to the next word of the command. False when there is none; the `;` behind it has then
   * been passed.
   */
  private skipToWord(): bool {
    while (this.nextPtr < this.endPtr) {
      const char: u32 = load<u8>(this.nextPtr);
      if (char != CHAR_SPACE && char != CHAR_TAB && char != CHAR_SEMICOLON) return true;
      this.nextPtr += 1;
      if (char == CHAR_SEMICOLON) return false;
    }
    return false;
  }

  /** Takes one word, without its quotes. False when a quote is not closed. */
  private parseWord(index: i32): bool {
    let quote: u32 = 0;
    let toPtr = this.nextPtr;
    this.wordPtr[index] = toPtr;
    for (; this.nextPtr < this.endPtr; this.nextPtr += 1) {
      const char: u32 = load<u8>(this.nextPtr);
      if (quote == 0 && endsWord(char)) break;
      if (char == quote) quote = 0;
      else if (quote == 0 && isQuote(char)) quote = char;
      else store<u8>(toPtr++, <u8>char);
    }
    this.wordBytes[index] = toPtr - this.wordPtr[index];
    return quote == 0;
  }
}

/** Whether `char` ends a word that is not quoted. */
export function endsWord(char: u32): bool {
  return char == CHAR_SPACE || char == CHAR_TAB || char == CHAR_SEMICOLON;
}

export function isQuote(char: u32): bool {
  return char == CHAR_SINGLE_QUOTE || char == CHAR_DOUBLE_QUOTE;
}
