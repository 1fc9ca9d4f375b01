/**
 * Memory that the device reads and writes: linear memory itself, since the host has placed it page
 * aligned and never moves it. This is the only file that turns a pointer into a device address.
 */
import * as host from "./host";
import { reserve } from "./util/arena";

/**
 * Page size of the driver, in bytes: the alignment of queues, and what legacy devices are told
 * (GuestPageSize).
 */
export const PAGE_BYTES: usize = 4096;

let basePhys: u64 = 0;

/** Asks the host where linear memory is. Called once, before any address is made. */
export function initDma(): void {
  basePhys = host.dmaBase();
  assert((basePhys & (<u64>PAGE_BYTES - 1)) == 0, "linear memory is not page aligned");
}

/** Device address of the byte at `ptr`. */
export function physOf(ptr: usize): u64 {
  return basePhys + <u64>ptr;
}

/** `value` rounded up to a whole page. */
export function pageAlign(value: usize): usize {
  return (value + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

/** Reserves at least `lengthBytes` zeroed bytes in whole pages, contiguous for the device too. */
export function reservePages(lengthBytes: usize): usize {
  return reserve(pageAlign(lengthBytes), PAGE_BYTES);
}
