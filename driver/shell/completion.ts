/**
 * Tab: completes the word in front of the cursor, to a command, a disk, a key of the StateFS that
 * is mounted, or what else a command takes there.
 *
 * What is sure is put in. When nothing is, a bell sounds, and a second Tab lists what there is. A
 * text with spaces is completed behind an opening quote only.
 */
import { StateFs } from "../statefs/store";
import { StoreObserver } from "../statefs/observer";
import { StoreRecord } from "../statefs/record";
import { place, reserve } from "../util/arena";
import { E_OK, E_QUOTE, PENDING } from "../util/errors";
import { Args, endsWord, isQuote } from "./args";
import { Candidates } from "./candidates";
import { out } from "./console";
import { LINE_BYTES_MAX, Line } from "./line";
import { theStore } from "./mounted";
import { commandAt, commandCount, findCommand } from "./table";
import { Word } from "./words";

/** Stands for what has not been typed yet, so that there is always a last word. */
const MARK: u8 = 0x01;

const CHAR_BELL: u32 = 0x07;
const CHAR_SPACE: u32 = 0x20;
const CHAR_COLON: u32 = 0x3a;
const CHAR_EQUALS: u32 = 0x3d;

class KeyOffer extends StoreObserver {
  private to!: Candidates;

  init(to: Candidates): void {
    this.to = to;
  }

  listed(record: StoreRecord): void {
    this.to.offer(record.keyPtr, record.keyBytes);
  }
}

export class Completer {
  private line!: Line;
  private words!: Args;
  private word!: Word;
  private candidates!: Candidates;
  private keys!: KeyOffer;
  private store!: StateFs;
  private textPtr: usize;
  private isQuoted: bool;
  private isListing: bool;
  /** Whether the Tab before has found more than one candidate and put in nothing. */
  private isAmbiguous: bool;

  init(line: Line): void {
    this.line = line;
    this.words = place<Args>();
    this.words.init();
    this.word = place<Word>();
    this.candidates = place<Candidates>();
    this.candidates.init(this.word);
    this.keys = place<KeyOffer>();
    this.keys.init(this.candidates);
    this.store = theStore();
    this.textPtr = reserve(LINE_BYTES_MAX + 1, 16);
  }

  /** Another key than Tab. */
  forget(): void {
    this.isAmbiguous = false;
  }

  /** PENDING while keys are looked for, then E_OK; the line shows what has come of it. */
  begin(): i32 {
    this.isListing = this.isAmbiguous;
    this.candidates.begin(this.isListing);
    if (this.parse()) this.offerAll();
    if (!this.candidates.takesKeys) return this.end();
    return this.endKeys(this.store.list(this.keys));
  }

  resume(): i32 {
    return this.endKeys(this.store.resume());
  }

  /** Ctrl-C: looks for no more keys. */
  cancel(): void {
    this.store.cancel();
  }

  private endKeys(result: i32): i32 {
    return result == PENDING ? PENDING : this.end();
  }

  /** Splits what is in front of the cursor. False when there is no word to complete. */
  private parse(): bool {
    const line = this.line;
    const words = this.words;
    memory.copy(this.textPtr, line.ptr, line.cursorBytes);
    store<u8>(this.textPtr + line.cursorBytes, MARK);
    words.setLine(this.textPtr, line.cursorBytes + 1);
    let error = E_OK;
    while (words.hasMore()) error = words.parseCommand();
    this.isQuoted = error == E_QUOTE;
    const last = words.count - 1;
    this.word.set(words.ptr(last), words.lengthBytes(last) - 1);
    return error == E_OK || this.isQuoted;
  }

  private offerAll(): void {
    const words = this.words;
    while (words.count > 1) {
      const command = findCommand(words, 0);
      if (!command) return;
      const inner = command.commandIndex();
      if (inner == 0 || inner >= words.count) return command.complete(words, this.candidates);
      words.moveTo(words.position() + inner);
    }
    for (let i = 0; i < commandCount(); ++i) this.candidates.offerWords(commandAt(i).name());
  }

  private end(): i32 {
    const count = this.candidates.count;
    if (this.isListing) this.candidates.end();
    else if (count == 0 || !this.insertCommon()) out.char(CHAR_BELL);
    this.isAmbiguous = !this.isListing && count > 1 && this.rest() == 0;
    return E_OK;
  }

  /** Whether the prompt and the line are to be shown again, below a list. */
  hasListed(): bool {
    return this.isListing;
  }

  /** Bytes that all candidates have behind the word. */
  private rest(): usize {
    const candidates = this.candidates;
    return candidates.commonBytes - min(candidates.commonBytes, this.word.lengthBytes);
  }

  /** Puts in what is sure. False when that is nothing. */
  private insertCommon(): bool {
    const from = this.candidates.commonPtr + this.word.lengthBytes;
    const rest = this.rest();
    let last: u32 = 0;
    for (let i: usize = 0; i < rest; ++i) {
      last = load<u8>(from + i);
      if (!this.isQuoted && (endsWord(last) || isQuote(last))) return i > 0;
      this.line.insert(last);
    }
    if (this.candidates.count > 1) return rest > 0;
    const isOpen = last == CHAR_COLON || last == CHAR_EQUALS;
    if (!this.isQuoted && !isOpen) this.line.insert(CHAR_SPACE);
    return true;
  }
}
