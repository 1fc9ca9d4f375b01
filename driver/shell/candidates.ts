/**
 * What a word can be completed to: everything that is offered and begins as the word does is
 * counted or listed, and what all of it has in common is kept.
 */
import { diskAt, diskCount, diskLetter } from "../blk/disks";
import { KEY_BYTES_MAX } from "../statefs/layout";
import { reserve } from "../util/arena";
import { out } from "./console";
import { Word } from "./words";

const TEXT_BYTES_MAX: usize = 64;
const CHAR_SPACE: u32 = 0x20;

/** A list has entries at multiples of this, and so many of them at most. */
const COLUMN_WIDTH: u32 = 16;
const LINE_WIDTH: u32 = 80;
const LISTED_MAX: u32 = 200;

export class Candidates {
  /** What is being completed; `enter` takes off what is settled already. */
  word!: Word;
  count: u32;
  /** What all candidates begin with. */
  commonPtr: usize;
  commonBytes: usize;
  /** Whether keys of the mounted StateFS are candidates. */
  takesKeys: bool;
  private isListing: bool;
  private column: u32;
  private textPtr: usize;

  init(word: Word): void {
    this.word = word;
    this.commonPtr = reserve(KEY_BYTES_MAX, 1);
    this.textPtr = reserve(TEXT_BYTES_MAX, 1);
  }

  /** Starts over, with lines of candidates if `isListing`. */
  begin(isListing: bool): void {
    this.count = 0;
    this.commonBytes = 0;
    this.takesKeys = false;
    this.isListing = isListing;
    this.column = 0;
  }

  /** Whether the word begins with `text`; only what is behind that is completed then. */
  enter(text: string): bool {
    if (!this.word.startsWith(text)) return false;
    this.word.skip(text.length);
    return true;
  }

  offer(ptr: usize, lengthBytes: usize): void {
    const word = this.word;
    if (lengthBytes < word.lengthBytes) return;
    if (memory.compare(ptr, word.ptr, word.lengthBytes) != 0) return;
    this.count += 1;
    if (this.isListing && this.count <= LISTED_MAX) this.list(ptr, lengthBytes);
    if (this.count == 1) {
      memory.copy(this.commonPtr, ptr, lengthBytes);
      this.commonBytes = lengthBytes;
    }
    let same: usize = 0;
    const most = min(this.commonBytes, lengthBytes);
    while (same < most && load<u8>(this.commonPtr + same) == load<u8>(ptr + same)) same += 1;
    this.commonBytes = same;
  }

  /** Offers each of some words that are separated by spaces. */
  offerWords(words: string): void {
    let bytes: usize = 0;
    for (let i = 0; i <= words.length; ++i) {
      const char = i < words.length ? words.charCodeAt(i) : CHAR_SPACE;
      if (char != CHAR_SPACE) store<u8>(this.textPtr + bytes++, <u8>char);
      else {
        if (bytes > 0) this.offer(this.textPtr, bytes);
        bytes = 0;
      }
    }
  }

  offerDisks(): void {
    store<u16>(this.textPtr, 0x6476); // "vd"
    for (let i = 0; i < diskCount(); ++i) {
      store<u8>(this.textPtr, <u8>diskLetter(diskAt(i)), 2);
      this.offer(this.textPtr, 3);
    }
  }

  private list(ptr: usize, lengthBytes: usize): void {
    if (this.column + <u32>lengthBytes > LINE_WIDTH) this.endRow();
    if (this.column == 0) out.line();
    out.bytes(ptr, lengthBytes);
    this.column += <u32>lengthBytes;
    do {
      out.char(CHAR_SPACE);
      this.column += 1;
    } while (this.column % COLUMN_WIDTH != 0);
  }

  private endRow(): void {
    this.column = 0;
  }

  /** Ends a list. */
  end(): void {
    out.line();
    if (this.count > LISTED_MAX) {
      out
        .text("... and ")
        .decimal(this.count - LISTED_MAX)
        .text(" more")
        .line();
    }
  }
}
