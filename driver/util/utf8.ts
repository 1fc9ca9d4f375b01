/** UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. */

/** Smallest code point that needs as many continuation bytes as the index says. */
const SMALLEST: StaticArray<u32> = [0, 0x80, 0x800, 0x10000];

/**
 * Number of continuation bytes that the first byte `lead` asks for, or -1 when no sequence starts
 * with it.
 */
function continuationCount(lead: u32): i32 {
  if (lead < 0x80) return 0;
  if ((lead & 0xe0) == 0xc0) return 1;
  if ((lead & 0xf0) == 0xe0) return 2;
  if ((lead & 0xf8) == 0xf0) return 3;
  return -1;
}

/** Whether `byte` is a continuation byte: every other byte starts a character. */
export function isContinuation(byte: u32): bool {
  return (byte & 0xc0) == 0x80;
}

/** Length in bytes of the character at `textPtr`, or 0 when the bytes there are none. */
function characterLength(textPtr: usize, lengthBytes: usize): usize {
  const lead: u32 = load<u8>(textPtr);
  const count = continuationCount(lead);
  if (count < 0 || <usize>count >= lengthBytes) return 0;
  let codePoint = count == 0 ? lead : lead & (0x3f >> count);
  for (let i = 1; i <= count; ++i) {
    const byte: u32 = load<u8>(textPtr + i);
    if (!isContinuation(byte)) return 0;
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  if (codePoint < SMALLEST[count] || codePoint > 0x10ffff) return 0;
  if (codePoint - 0xd800 < 0x800) return 0;
  return <usize>count + 1;
}

/** Whether all of the text is valid UTF-8. */
export function isUtf8(textPtr: usize, lengthBytes: usize): bool {
  let at: usize = 0;
  while (at < lengthBytes) {
    const length = characterLength(textPtr + at, lengthBytes - at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}
