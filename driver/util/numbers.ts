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
const CHAR_B: u32 = 0x42;
const CHAR_I: u32 = 0x69;
const CHAR_X: u32 = 0x78;
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

/** The text that `parseSize` reads, and how far it has come. */
let sizePtr: usize = 0;
let sizeEndPtr: usize = 0;

/**
 * Parses a size as GNU dd takes it: decimal numbers with a suffix, with `x` between them the
 * product of them. Suffixes: c 1, w 2, b 512; k, K, M, G, T powers of 1024, also as KiB, MiB; with
 * B, as in kB, MB, powers of 1000. As a whole it may be hexadecimal after `0x`, as everywhere else.
 * Returns the value, E_NUMBER or E_OVERFLOW.
 */
export function parseSize(textPtr: usize, lengthBytes: usize): i64 {
  if (lengthBytes > 2 && load<u8>(textPtr) == CHAR_0 && load<u8>(textPtr, 1) == CHAR_X) {
    return parseNumber(textPtr, lengthBytes);
  }
  sizePtr = textPtr;
  sizeEndPtr = textPtr + lengthBytes;
  let product: u64 = 1;
  let isTooLarge = false;
  do {
    const factor = parseFactor();
    if (factor == E_NUMBER) return E_NUMBER;
    if (factor < 0 || (factor > 0 && product > LARGEST / factor)) isTooLarge = true;
    else product *= factor;
  } while (takeSizeChar(CHAR_X));
  if (sizePtr != sizeEndPtr) return E_NUMBER;
  return isTooLarge ? E_OVERFLOW : <i64>product;
}

/** A number and its suffix. Returns the value, E_NUMBER or E_OVERFLOW. */
function parseFactor(): i64 {
  const firstPtr = sizePtr;
  let value: u64 = 0;
  let isTooLarge = false;
  for (; sizePtr < sizeEndPtr; sizePtr += 1) {
    const digit: u64 = load<u8>(sizePtr) - CHAR_0;
    if (digit >= 10) break;
    if (value > (LARGEST - digit) / 10) isTooLarge = true;
    else value = value * 10 + digit;
  }
  if (sizePtr == firstPtr) return E_NUMBER;
  const unit = takeUnit();
  return isTooLarge || value > LARGEST / unit ? E_OVERFLOW : <i64>(value * unit);
}

/** The unit that a suffix stands for; 1 when there is none. */
function takeUnit(): u64 {
  if (takeSizeChar(0x63)) return 1; // c
  if (takeSizeChar(0x77)) return 2; // w
  if (takeSizeChar(0x62)) return 512; // b
  const shift = sizePtr < sizeEndPtr ? suffixShift(load<u8>(sizePtr)) : -1;
  if (shift < 0) return 1;
  sizePtr += 1;
  if (takeSizeChar(CHAR_B)) return power1000(shift / 10);
  const isLong = sizePtr + 1 < sizeEndPtr && load<u8>(sizePtr) == CHAR_I;
  if (isLong && load<u8>(sizePtr, 1) == CHAR_B) sizePtr += 2;
  return (<u64>1) << shift;
}

function power1000(exponent: i32): u64 {
  let power: u64 = 1;
  for (let i = 0; i < exponent; ++i) power *= 1000;
  return power;
}

function takeSizeChar(char: u32): bool {
  if (sizePtr == sizeEndPtr || load<u8>(sizePtr) != char) return false;
  sizePtr += 1;
  return true;
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
