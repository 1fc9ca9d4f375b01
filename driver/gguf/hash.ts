/** Hashes for the tables of the vocabulary, and where in a table of any size a hash belongs. */

const PRIME: u32 = 0x9e3779b1;

/** Slots that are looked at for one entry: what a crafted file can cost has an end. */
export const PROBE_COUNT_MAX: u32 = 2048;

/** Slots for `count` entries: at most three quarters are in use. */
export function slotCountFor(count: u64): u64 {
  return count + count / 3 + 1;
}

/** Four bytes at a step: an interpreter pays for every step. */
export function hashText(textPtr: usize, lengthBytes: u32): u32 {
  let hash = lengthBytes;
  let left = lengthBytes;
  for (; left >= 4; left -= 4) {
    hash = (hash ^ load<u32>(textPtr)) * PRIME;
    hash ^= hash >> 15;
    textPtr += 4;
  }
  if (left >= 2) hash = (hash ^ load<u16>(textPtr)) * PRIME;
  if (left & 1) hash = (hash ^ load<u8>(textPtr + (left & 2)) ^ 0x100) * PRIME;
  return mix(hash);
}

export function hashPair(left: u32, right: u32): u32 {
  return mix((left * PRIME) ^ right);
}

/** Spreads every bit over all of them. */
function mix(hash: u32): u32 {
  hash = (hash ^ (hash >> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35;
  return hash ^ (hash >> 16);
}

/** The first slot for `hash` in a table of `slotCount`. */
export function slotOf(hash: u32, slotCount: u32): u32 {
  return <u32>((<u64>hash * slotCount) >> 32);
}
