/**
 * Numbers as text, both ways, in integers only.
 *
 * Accepted: decimal, hexadecimal after `0x`, and one suffix k, K, M, G or T (powers of 1024).
 * Refused: signs, spaces, an empty text, digits after the suffix, and everything from 2^63 on.
 */
import { E_NUMBER, E_OVERFLOW } from "./errors";

/** Longest text that `formatDecimal` makes: 2^64 - 1. */
export const DECIMAL_MAX_BYTES: usize = 20;

const CHAR_0: u32 = 0x30;
const LARGEST: u64 = <u64>i64.MAX_VALUE;

/** Value of the hexadecimal digit `char`, or 16 when it is none. */
function hexDigitValue(char: u32): u32 {
  if (char - CHAR_0 < 10) return char - CHAR_0;
  const letter = (char | 0x20) - 0x61;
  return letter < 6 ? 10 + letter : 16;
}

/** The character for `value`, 0 to 15. */
export function hexDigit(value: u32): u32 {
  return value < 10 ? CHAR_0 + value : 0x61 + value - 10;
}

/** How far the suffix `char` shifts a number left, or -1 when it is no suffix. */
function suffixShift(char: u32): i32 {
  switch (char) {
    case 0x6b: // k
    case 0x4b: // K
      return 10;
    case 0x4d: // M
      return 20;
    case 0x47: // G
      return 30;
    case 0x54: // T
      return 40;
    default:
      return -1;
  }
}

function scale(value: u64, shift: i32): i64 {
  return shift < 0 ? E_NUMBER : value > LARGEST >> shift ? E_OVERFLOW : <i64>(value << shift);
}

/** Parses the whole of the text. Returns the value, E_NUMBER or E_OVERFLOW. */
export function parseNumber(textPtr: usize, lengthBytes: usize): i64 {
  let at: usize = 0;
  let base: u64 = 10;
  if (lengthBytes > 2 && load<u8>(textPtr) == CHAR_0 && load<u8>(textPtr, 1) == 0x78) {
    base = 16;
    at = 2;
  }
  const firstDigit = at;
  let value: u64 = 0;
  let isTooLarge = false;
  for (; at < lengthBytes; ++at) {
    const digit: u64 = hexDigitValue(load<u8>(textPtr + at));
    if (digit >= base) break;
    if (value > (LARGEST - digit) / base) isTooLarge = true;
    value = value * base + digit;
  }
  if (at == firstDigit || at + 1 < lengthBytes) return E_NUMBER;
  const shift = at < lengthBytes ? suffixShift(load<u8>(textPtr + at)) : 0;
  if (shift < 0) return E_NUMBER;
  return isTooLarge ? E_OVERFLOW : scale(value, shift);
}

/** Number of decimal digits of `value`. */
export function decimalLength(value: u64): i32 {
  let length = 1;
  for (let rest = value; rest >= 10; rest /= 10) ++length;
  return length;
}

/**
 * Writes `value` in decimal to `textPtr`, at most DECIMAL_MAX_BYTES bytes. Returns the length in
 * bytes.
 */
export function formatDecimal(value: u64, textPtr: usize): usize {
  const lengthBytes = <usize>decimalLength(value);
  for (let at = lengthBytes; at > 0; --at) {
    store<u8>(textPtr + at - 1, <u8>(CHAR_0 + <u32>(value % 10)));
    value /= 10;
  }
  return lengthBytes;
}
