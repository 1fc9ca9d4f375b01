/**
 * The vocabulary of a file in memory: the text of every token, a hash table from text to token, and
 * the scores if the tokenizer has them.
 *
 *   ends    u32 x count        where the text of each token ends in the texts
 *   scores  i32 x count        in an order that integers can be compared by
 *   slots   u32 x slot count   token + 1 in TOKEN_BITS bits, above them the low bits of the hash
 *   texts   what is left       one after another
 *
 * When two tokens have the same text, the later one is found.
 */
import { sameBytes } from "../util/bytes";
import { E_OK } from "../util/errors";
import { Cause, Fault } from "./fault";
import { PROBE_COUNT_MAX, hashText, slotCountFor, slotOf } from "./hash";
import { Region } from "./region";

export const TOKEN_BITS: u32 = 21;
const TOKEN_MASK: u32 = (1 << TOKEN_BITS) - 1;

/** Longer tokens are refused. */
export const TOKEN_BYTES_MAX: u32 = 4096;

const EXPONENT_BITS: u32 = 0x7f800000;
const SIGN_BIT: u32 = 0x80000000;

export class Vocabulary {
  private fault!: Fault;
  /** Tokens that are in memory, and how many there will be. */
  count: u32;
  countMax: u32;
  private endsPtr: usize;
  private scoresPtr: usize;
  private slotsPtr: usize;
  private slotCount: u32;
  private textsPtr: usize;
  private textsBytes: u32;
  private textsBytesMax: u32;

  init(fault: Fault): void {
    this.fault = fault;
  }

  /** Bytes of memory for `count` tokens, without their texts. */
  static bytesFor(count: u64, hasScores: bool): u64 {
    return (slotCountFor(count) + count + (hasScores ? count : 0)) * 4 + 32;
  }

  /**
   * Begins with no token. `region` has bytesFor(count) and all of the rest for the texts; `count`
   * is below 2^TOKEN_BITS - 1.
   */
  begin(count: u32, hasScores: bool, region: Region): void {
    this.count = 0;
    this.countMax = count;
    this.endsPtr = region.take(4 * <usize>count);
    this.scoresPtr = region.take(hasScores ? 4 * <usize>count : 0);
    this.slotCount = <u32>slotCountFor(count);
    this.slotsPtr = region.take(4 * <usize>this.slotCount);
    memory.fill(this.slotsPtr, 0, 4 * <usize>this.slotCount);
    this.textsBytes = 0;
    this.textsBytesMax = (<u32>region.left()) & ~7;
    this.textsPtr = region.take(this.textsBytesMax);
  }

  /** Adds the next token; `filePlace` is where the file has it. Returns E_OK or E_CORRUPT. */
  add(textPtr: usize, lengthBytes: u32, filePlace: u64): i32 {
    if (lengthBytes > this.textsBytesMax - this.textsBytes) {
      const fault = this.fault;
      return fault.set(Cause.VOCABULARY_TEXT, filePlace, this.countMax, this.textsBytesMax);
    }
    memory.copy(this.textsPtr + this.textsBytes, textPtr, lengthBytes);
    this.textsBytes += lengthBytes;
    const token = this.count++;
    store<u32>(this.endsPtr + ((<usize>token) << 2), this.textsBytes);
    const hash = hashText(textPtr, lengthBytes);
    const slotPtr = this.findSlot(hash, textPtr, lengthBytes);
    if (slotPtr == 0) return this.fault.set(Cause.CROWDED, filePlace, token);
    store<u32>(slotPtr, (token + 1) | (hash << TOKEN_BITS));
    return E_OK;
  }

  /** The token with exactly this text, or -1. */
  find(textPtr: usize, lengthBytes: u32): i32 {
    const slotPtr = this.findSlot(hashText(textPtr, lengthBytes), textPtr, lengthBytes);
    return slotPtr == 0 ? -1 : <i32>(load<u32>(slotPtr) & TOKEN_MASK) - 1;
  }

  /** The slot of a text, or the free one where it would be, or 0 after too many others. */
  private findSlot(hash: u32, textPtr: usize, lengthBytes: u32): usize {
    let slot = slotOf(hash, this.slotCount);
    for (let probes: u32 = 0; probes < PROBE_COUNT_MAX; ++probes) {
      const slotPtr = this.slotsPtr + ((<usize>slot) << 2);
      const value = load<u32>(slotPtr);
      if (value == 0) return slotPtr;
      const isNear = value >> TOKEN_BITS == (hash << TOKEN_BITS) >> TOKEN_BITS;
      if (isNear && this.isText((value & TOKEN_MASK) - 1, textPtr, lengthBytes)) return slotPtr;
      slot = slot + 1 < this.slotCount ? slot + 1 : 0;
    }
    return 0;
  }

  private isText(token: u32, textPtr: usize, lengthBytes: u32): bool {
    if (this.textBytes(token) != lengthBytes) return false;
    return sameBytes(this.textPtr(token), textPtr, lengthBytes) == lengthBytes;
  }

  private startOf(token: u32): u32 {
    return token == 0 ? 0 : load<u32>(this.endsPtr + ((<usize>token) << 2) - 4);
  }

  /** The text of a token. */
  textPtr(token: u32): usize {
    return this.textsPtr + this.startOf(token);
  }

  textBytes(token: u32): u32 {
    return load<u32>(this.endsPtr + ((<usize>token) << 2)) - this.startOf(token);
  }

  /**
   * Sets the score of a token from the bits of a 32-bit floating point number. False when they are
   * not a number.
   */
  setScore(token: u32, bits: u32): bool {
    if ((bits & ~SIGN_BIT) > EXPONENT_BITS) return false;
    store<i32>(this.scoresPtr + ((<usize>token) << 2), inOrder(bits));
    return true;
  }

  /** The score, as a number that is greater when the score is. */
  score(token: u32): i32 {
    return load<i32>(this.scoresPtr + ((<usize>token) << 2));
  }
}

/**
 * Floating point numbers are sign and magnitude: as integers, those below zero are in the wrong
 * order, and zero is there twice.
 */
function inOrder(bits: u32): i32 {
  return bits & SIGN_BIT ? -(<i32>(bits & ~SIGN_BIT)) : <i32>bits;
}
