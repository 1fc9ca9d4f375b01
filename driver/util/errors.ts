/**
 * Error codes: what a device or a user can do wrong, kept apart by cause. Bugs of our own are not
 * here, they trap.
 *
 * Functions that can fail return an i32 (or i64): zero or more is a result, a negative number is
 * one of these.
 */

export const E_OK: i32 = 0;
/** Not an error: the operation goes on, ask again. */
export const PENDING: i32 = 1;

export const E_IO: i32 = -1;
export const E_UNSUPPORTED: i32 = -2;
export const E_STATUS: i32 = -3;
export const E_TIMEOUT: i32 = -4;
export const E_NEEDS_RESET: i32 = -5;
export const E_USED_RING: i32 = -6;
export const E_DEAD: i32 = -7;
export const E_READ_ONLY: i32 = -8;
export const E_RANGE: i32 = -9;
export const E_ALIGN: i32 = -10;
export const E_ARGUMENT: i32 = -11;
export const E_NO_DEVICE: i32 = -12;
export const E_BUSY: i32 = -13;
export const E_FEATURES: i32 = -14;
export const E_QUEUE: i32 = -15;
export const E_CONFIG: i32 = -16;
export const E_NUMBER: i32 = -17;
export const E_OVERFLOW: i32 = -18;
export const E_TOO_LONG: i32 = -19;
export const E_UTF8: i32 = -20;
export const E_QUOTE: i32 = -21;
export const E_INTERRUPTED: i32 = -22;
export const E_TOO_MANY: i32 = -23;
export const E_NOT_OFFERED: i32 = -24;
export const E_DIFFERENT: i32 = -25;
export const E_RESET: i32 = -26;
export const E_GRANULARITY: i32 = -27;
export const E_NO_SPACE: i32 = -28;
export const E_CORRUPT: i32 = -29;
export const E_VERSION: i32 = -30;
export const E_NO_FORMAT: i32 = -31;
export const E_NO_KEY: i32 = -32;
export const E_KEY: i32 = -33;
export const E_KEYS: i32 = -34;
export const E_NOT_MOUNTED: i32 = -35;
export const E_NO_FLUSH: i32 = -36;
export const E_REMOUNT: i32 = -37;
export const E_TOO_SMALL: i32 = -38;

/** Codes are above the negative of this. */
export const ERROR_COUNT: i32 = 39;

const TEXTS: StaticArray<string> = [
  "no error",
  "device reported an I/O error",
  "device answered that it does not support this request",
  "device completed the request with an unknown status byte",
  "no answer from the device in time",
  "device asked for a reset",
  "device put an impossible entry into the used ring",
  "device failed three times in a row and is not used any more",
  "disk is read-only",
  "past the end of the disk",
  "not aligned to the block size of the disk",
  "bad argument",
  "no such disk",
  "all request slots are in use",
  "device does not accept a usable set of features",
  "device does not accept a usable queue",
  "device configuration makes no sense",
  "not a number",
  "number is too large",
  "too long",
  "not valid UTF-8",
  "missing closing quote",
  "interrupted",
  "more than 16 words of one command",
  "disk does not offer this",
  "data is not what was written",
  "device does not come out of reset",
  "not aligned to the units that the disk discards or erases in",
  "no space left",
  "data is corrupt",
  "made by a newer version",
  "no StateFS here",
  "no such key",
  "a key has 1 to 255 bytes of UTF-8 without control characters",
  "no room for another key",
  "no StateFS is mounted",
  "the disk has a write cache and no FLUSH, so nothing can be promised",
  "a commit has failed, mount again to see what is stable",
  "too small",
];

/** The cause in words, without the place: `code` is E_OK or one of the E_ codes. */
export function errorText(code: i32): string {
  return TEXTS[-code];
}
