/** An owner that waits for the requests it has sent: counts them, and keeps the first error. */
import { E_OK, PENDING } from "../util/errors";
import { BlkDevice } from "./device";
import { Owner } from "./request";

export class Waiter extends Owner {
  private pendingCount: i32;
  private firstError: i32;

  /** Forgets the last error, for an owner that asks for the result before it has sent anything. */
  clear(): void {
    this.firstError = E_OK;
  }

  /** A request has been sent for this owner by somebody else. */
  expect(): void {
    this.pendingCount += 1;
  }

  /** Sends one request, and starts over with it. Returns PENDING, or why it was refused. */
  send(disk: BlkDevice, type: u32, lba: u64, dataPtr: usize, lengthBytes: u32): i32 {
    this.firstError = E_OK;
    const slot = disk.submit(type, lba, dataPtr, lengthBytes, this);
    if (slot < 0) return slot;
    this.pendingCount += 1;
    disk.dispatch();
    return PENDING;
  }

  /** PENDING while requests are under way, then E_OK or the first error. */
  result(): i32 {
    return this.pendingCount > 0 ? PENDING : this.firstError;
  }

  completed(slot: i32, result: i32, latencyNs: u64): void {
    this.pendingCount -= 1;
    if (this.firstError == E_OK) this.firstError = result;
  }
}
