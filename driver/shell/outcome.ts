/**
 * How the machine ends: with status 0 when every command of the boot arguments has succeeded,
 * otherwise with 1.
 */

const STATUS_FAILED: u32 = 1;

let hasFailed: bool = false;

/** A command of the boot arguments has failed, or the last flush has. */
export function noteFailure(): void {
  hasFailed = true;
}

export function exitStatus(): u32 {
  return hasFailed ? STATUS_FAILED : 0;
}
