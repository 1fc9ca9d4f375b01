/**
 * Splits text into the pieces that byte pair encoding works on, as GPT-2 does: a contraction such
 * as 's; a run of letters, of digits or of other signs, each with one space before it; white space.
 * The last space of several stays for the word behind it.
 *
 * Unicode is known by ranges, not by its whole tables: white space is complete, of signs and digits
 * there are the common blocks, and all else above U+007F counts as letters.
 */

enum Kind {
  END,
  SPACE,
  LETTER,
  DIGIT,
  SIGN,
}

const CHAR_SPACE: u32 = 0x20;
const CHAR_APOSTROPHE: u32 = 0x27;

/** First and last code point of white space outside ASCII. */
// prettier-ignore
const SPACES: StaticArray<u32> = [
  0x85, 0x85, 0xa0, 0xa0, 0x1680, 0x1680, 0x2000, 0x200a, 0x2028, 0x2029,
  0x202f, 0x202f, 0x205f, 0x205f, 0x3000, 0x3000,
];

// prettier-ignore
const DIGITS: StaticArray<u32> = [
  0xb2, 0xb3, 0xb9, 0xb9, 0xbc, 0xbe, 0x660, 0x669, 0x6f0, 0x6f9, 0x966, 0x96f,
  0x2070, 0x2070, 0x2074, 0x2079, 0x2080, 0x2089, 0x2150, 0x2189, 0x2460, 0x249b, 0xff10, 0xff19,
];

// prettier-ignore
const SIGNS: StaticArray<u32> = [
  0x80, 0xa9, 0xab, 0xb1, 0xb4, 0xb4, 0xb6, 0xb8, 0xbb, 0xbb, 0xbf, 0xbf, 0xd7, 0xd7, 0xf7, 0xf7,
  0x200b, 0x2027, 0x202a, 0x205e, 0x2060, 0x206f, 0x207a, 0x207e, 0x208a, 0x208e, 0x20a0, 0x20c0,
  0x2190, 0x2426, 0x2500, 0x2775, 0x2794, 0x2bff, 0x3001, 0x3004, 0x3008, 0x3020, 0x3030, 0x3030,
  0xe000, 0xf8ff, 0xfe0f, 0xfe19, 0xfe30, 0xfe6b, 0xff01, 0xff0f, 0xff1a, 0xff20, 0xff3b, 0xff40,
  0xff5b, 0xff65, 0x1f000, 0x1fbef,
];

/** Bytes of the character that begins with `lead`, in valid UTF-8. */
export function characterBytes(lead: u32): u32 {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function codePointAt(ptr: usize): u32 {
  const lead: u32 = load<u8>(ptr);
  const bytes = characterBytes(lead);
  if (bytes == 1) return lead;
  let codePoint = lead & (0x7f >> bytes);
  for (let i: u32 = 1; i < bytes; ++i) codePoint = (codePoint << 6) | (load<u8>(ptr + i) & 0x3f);
  return codePoint;
}

function isIn(ranges: StaticArray<u32>, codePoint: u32): bool {
  for (let i = 0; i < ranges.length; i += 2) {
    if (codePoint >= ranges[i] && codePoint <= ranges[i + 1]) return true;
  }
  return false;
}

function kindOfAscii(char: u32): Kind {
  if (char == CHAR_SPACE || char - 0x09 < 5) return Kind.SPACE;
  if (char - 0x30 < 10) return Kind.DIGIT;
  return (char | 0x20) - 0x61 < 26 ? Kind.LETTER : Kind.SIGN;
}

function kindAt(ptr: usize, endPtr: usize): Kind {
  if (ptr >= endPtr) return Kind.END;
  const codePoint = codePointAt(ptr);
  if (codePoint < 0x80) return kindOfAscii(codePoint);
  if (isIn(SPACES, codePoint)) return Kind.SPACE;
  if (isIn(DIGITS, codePoint)) return Kind.DIGIT;
  return isIn(SIGNS, codePoint) ? Kind.SIGN : Kind.LETTER;
}

/** The end of the run of characters of one kind that begins at `ptr`. */
function endOfRun(ptr: usize, endPtr: usize, kind: Kind): usize {
  while (kindAt(ptr, endPtr) == kind) ptr += characterBytes(load<u8>(ptr));
  return ptr;
}

/** Bytes of the contraction at `ptr`, an apostrophe included, or 0. */
function contractionBytes(ptr: usize, endPtr: usize): u32 {
  if (load<u8>(ptr) != CHAR_APOSTROPHE || ptr + 1 >= endPtr) return 0;
  const first: u32 = load<u8>(ptr, 1);
  if (first == 0x73 || first == 0x74 || first == 0x6d || first == 0x64) return 2; // s t m d
  if (ptr + 2 >= endPtr) return 0;
  const second: u32 = load<u8>(ptr, 2);
  if (first == 0x6c) return second == 0x6c ? 3 : 0; // ll
  return (first == 0x72 || first == 0x76) && second == 0x65 ? 3 : 0; // re ve
}

/** The end of the piece that begins at `ptr`, which is before `endPtr`; the text is valid UTF-8. */
export function endOfPiece(ptr: usize, endPtr: usize): usize {
  const contraction = contractionBytes(ptr, endPtr);
  if (contraction > 0) return ptr + contraction;
  const wordPtr = ptr + (load<u8>(ptr) == CHAR_SPACE ? 1 : 0);
  const kind = kindAt(wordPtr, endPtr);
  if (kind > Kind.SPACE) return endOfRun(wordPtr, endPtr, kind);
  return endOfSpace(ptr, endPtr);
}

/** White space goes up to its last character, which stays behind if a word follows. */
function endOfSpace(ptr: usize, endPtr: usize): usize {
  let lastPtr = ptr;
  let nextPtr = ptr;
  while (kindAt(nextPtr, endPtr) == Kind.SPACE) {
    lastPtr = nextPtr;
    nextPtr += characterBytes(load<u8>(nextPtr));
  }
  return nextPtr == endPtr || lastPtr == ptr ? nextPtr : lastPtr;
}
