/** Who is told of what happens to a disk by itself, apart from the owners of its requests. */
import { BlkDevice } from "./device";

export abstract class DiskObserver {
  /**
   * A request is over its time, or the device asks for a reset. It is as it was, and is reset when
   * this returns.
   */
  abstract stuck(disk: BlkDevice): void;

  /** The device has been reset because of `cause`, and what was in flight has been sent again. */
  abstract recovered(disk: BlkDevice, cause: i32): void;

  /** The device has been given up because of `cause`. */
  abstract died(disk: BlkDevice, cause: i32): void;

  /** The capacity has changed. */
  abstract resized(disk: BlkDevice): void;
}
