/**
 * The bulk area: 8 MiB of linear memory for commands that move much data at once.
 *
 * Owner rule: it belongs to the one command in the foreground, from `bulkFor` until that command
 * has ended, and a command does not end before the disks have given back all that it sent. Nobody
 * else touches it. It is refused while a disk does not come out of its reset, since such a disk may
 * still write what an earlier command gave it.
 */
import { isAnyHoldingMemory } from "../blk/disks";
import { reservePages } from "../dma";
import { E_RESET } from "../util/errors";
import { fail } from "./command";
import { out } from "./console";

export const BULK_BYTES: u32 = 8 << 20;

let bulkPtr: usize = 0;

/** Reserves the area. Called once, at start. */
export function initBulk(): void {
  bulkPtr = reservePages(BULK_BYTES);
}

/**
 * The area for the command that asks, page aligned; or 0 when a disk may still write to it, which
 * has been said then.
 */
export function bulkFor(command: string): usize {
  if (!isAnyHoldingMemory()) return bulkPtr;
  out.text(command).text(": the memory for it is not free: ");
  fail(E_RESET);
  return 0;
}
