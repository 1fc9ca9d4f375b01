/**
 * CRC32C of memory: by the host when it lends its own, otherwise computed here.
 *
 * A host that lends none answers anything at all: `initChecksum` believes it only when it gets the
 * check value of the polynomial right.
 */
import * as host from "../host";
import { reserve } from "../util/arena";
import { crc32c, initCrc32c } from "../util/crc32c";

/** What a slice computes, in bytes. */
const HOST_QUANTUM_BYTES: u32 = 1 << 20;
const OWN_QUANTUM_BYTES: u32 = 32 << 10;

const CHECK_DIGITS: u32 = 9;
const CHECK_VALUE: u32 = 0xe3069283;

let isLent: bool = false;

/** Called once, at start. */
export function initChecksum(): void {
  initCrc32c();
  const digitsPtr = reserve(CHECK_DIGITS, 1);
  for (let i: u32 = 0; i < CHECK_DIGITS; ++i) store<u8>(digitsPtr + i, <u8>(0x31 + i));
  isLent = host.crc32c(0, digitsPtr, CHECK_DIGITS) == CHECK_VALUE;
}

/** Bytes that one slice should compute at most. */
export function checksumQuantum(): u32 {
  return isLent ? HOST_QUANTUM_BYTES : OWN_QUANTUM_BYTES;
}

/** The CRC32C of a stream that goes on with `lengthBytes` bytes at `ptr`; `seed` is 0 at first. */
export function checksum(seed: u32, ptr: usize, lengthBytes: u32): u32 {
  return isLent ? host.crc32c(seed, ptr, lengthBytes) : crc32c(seed, ptr, lengthBytes);
}
