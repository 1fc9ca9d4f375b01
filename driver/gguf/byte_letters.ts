/**
 * The letters that stand for bytes in a GPT-2 vocabulary: printable bytes of Latin-1 stand for
 * themselves, the 68 others for U+0100 and up, in order. As UTF-8 a letter has one or two bytes.
 */

/** Bytes that stand for themselves: first and last of each range. */
const PLAIN: StaticArray<u32> = [0x21, 0x7e, 0xa1, 0xac, 0xae, 0xff];

function isPlain(byte: u32): bool {
  for (let i = 0; i < PLAIN.length; i += 2) {
    if (byte >= PLAIN[i] && byte <= PLAIN[i + 1]) return true;
  }
  return false;
}

/** How many bytes below `byte` do not stand for themselves. */
function othersBelow(byte: u32): u32 {
  let count: u32 = 0;
  for (let other: u32 = 0; other < byte; ++other) {
    if (!isPlain(other)) count += 1;
  }
  return count;
}

/** Writes the letter for `byte` to `ptr`. Returns its length in bytes, 1 or 2. */
export function writeLetter(byte: u32, ptr: usize): u32 {
  const codePoint = isPlain(byte) ? byte : 0x100 + othersBelow(byte);
  if (codePoint < 0x80) {
    store<u8>(ptr, <u8>codePoint);
    return 1;
  }
  store<u8>(ptr, <u8>(0xc0 | (codePoint >> 6)));
  store<u8>(ptr, <u8>(0x80 | (codePoint & 0x3f)), 1);
  return 2;
}

/** The byte that the letter `codePoint` stands for, or 256 when it is none. */
export function byteOfLetter(codePoint: u32): u32 {
  if (codePoint < 0x100) return isPlain(codePoint) ? codePoint : 256;
  for (let byte: u32 = 0; byte < 256; ++byte) {
    if (!isPlain(byte) && 0x100 + othersBelow(byte) == codePoint) return byte;
  }
  return 256;
}
