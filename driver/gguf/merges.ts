/**
 * The merges of a byte pair encoding in memory: a hash table from two tokens to the rank at which
 * they are joined. A slot is a u64:
 *
 *   63          42 41         21 20          0
 *   +-------------+-------------+-------------+
 *   | rank        | right token | left + 1    |   0 is free
 *   +-------------+-------------+-------------+
 */
import { E_OK } from "../util/errors";
import { Cause, Fault } from "./fault";
import { PROBE_COUNT_MAX, hashPair, slotCountFor, slotOf } from "./hash";
import { Region } from "./region";
import { TOKEN_BITS, Vocabulary } from "./vocabulary";

const PAIR_BITS: u64 = 2 * TOKEN_BITS;
const PAIR_MASK: u64 = (1 << PAIR_BITS) - 1;

/** One more than the largest rank a slot can hold. */
export const MERGE_COUNT_MAX: u64 = 1 << (64 - PAIR_BITS);

/** The rank of what is not to be joined. */
const NO_RANK: i64 = i64.MAX_VALUE;

const CHAR_SPACE: u32 = 0x20;

export class Merges {
  private fault!: Fault;
  count: u32;
  private slotsPtr: usize;
  private slotCount: u32;

  init(fault: Fault): void {
    this.fault = fault;
  }

  /** Bytes of memory for `count` merges. */
  static bytesFor(count: u64): u64 {
    return slotCountFor(count) * 8;
  }

  /** Begins with no merge; `region` has bytesFor(count). */
  begin(count: u32, region: Region): void {
    this.count = 0;
    this.slotCount = <u32>slotCountFor(count);
    this.slotsPtr = region.take(8 * <usize>this.slotCount);
    memory.fill(this.slotsPtr, 0, 8 * <usize>this.slotCount);
  }

  /**
   * Adds the next merge, two tokens with a space between them, that is at byte `filePlace` of the
   * file. Returns E_OK or E_CORRUPT.
   */
  add(vocabulary: Vocabulary, textPtr: usize, lengthBytes: u32, filePlace: u64): i32 {
    const space = findSpace(textPtr, lengthBytes);
    if (space == 0) return this.fault.set(Cause.MERGE, filePlace, this.count);
    const left = vocabulary.find(textPtr, space);
    const right = vocabulary.find(textPtr + space + 1, lengthBytes - space - 1);
    if (left < 0 || right < 0) return this.fault.set(Cause.MERGE_PART, filePlace, this.count);
    const slotPtr = this.findSlot(left, right);
    if (slotPtr == 0) return this.fault.set(Cause.CROWDED, filePlace, this.count);
    const rank: u64 = this.count++;
    if (load<u64>(slotPtr) == 0) store<u64>(slotPtr, pairOf(left, right) | (rank << PAIR_BITS));
    return E_OK;
  }

  /** The rank at which two tokens are joined: the lowest goes first. NO_RANK when they are not. */
  rank(left: i32, right: i32): i64 {
    if (left < 0 || right < 0) return NO_RANK;
    const slotPtr = this.findSlot(left, right);
    if (slotPtr == 0) return NO_RANK;
    const slot = load<u64>(slotPtr);
    return slot == 0 ? NO_RANK : <i64>(slot >> PAIR_BITS);
  }

  /** The slot of a pair, or the free one where it would be, or 0 after too many others. */
  private findSlot(left: u32, right: u32): usize {
    const pair = pairOf(left, right);
    let slot = slotOf(hashPair(left, right), this.slotCount);
    for (let probes: u32 = 0; probes < PROBE_COUNT_MAX; ++probes) {
      const slotPtr = this.slotsPtr + ((<usize>slot) << 3);
      const value = load<u64>(slotPtr);
      if (value == 0 || (value & PAIR_MASK) == pair) return slotPtr;
      slot = slot + 1 < this.slotCount ? slot + 1 : 0;
    }
    return 0;
  }
}

function pairOf(left: u32, right: u32): u64 {
  return (<u64>left + 1) | ((<u64>right) << TOKEN_BITS);
}

/** Where the parts of a merge are divided, or 0 when one of them is missing. */
function findSpace(textPtr: usize, lengthBytes: u32): u32 {
  for (let at: u32 = 1; at + 1 < lengthBytes; ++at) {
    if (load<u8>(textPtr + at) == CHAR_SPACE) return at;
  }
  return 0;
}
