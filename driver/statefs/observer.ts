/** Who is told what a walk through the log comes upon. */
import { StoreRecord } from "./record";

export abstract class StoreObserver {
  /** A record that is in use. */
  listed(record: StoreRecord): void {}

  /** The value of a record in use is not what was written. */
  badValue(record: StoreRecord): void {}

  /** There should be a record in unit `place` and is none. */
  damaged(place: u32): void {}

  /** Written without having been committed, and not taken. */
  discarded(record: StoreRecord): void {}

  /** Superblock `slot` is not valid: `error` is what is wrong with it. */
  badSuperBlock(slot: u32, error: i32): void {}
}
