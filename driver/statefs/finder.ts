/** Finds the record of a key: asks the index, and reads the records it names to be sure. */
import { place, reserve } from "../util/arena";
import { E_CORRUPT, E_OK, PENDING } from "../util/errors";
import { Operation } from "./operation";
import { HEAD_BYTES_MAX, StoreRecord } from "./record";
import { Volume } from "./volume";

export class Finder extends Operation {
  /** The slot of the key in the index, or -1; and its record when there is one. */
  slot: i32;
  record!: StoreRecord;
  private volume!: Volume;
  private headPtr: usize;
  private keyPtr: usize;
  private keyBytes: u32;
  private isRead: bool;

  init(volume: Volume): void {
    this.volume = volume;
    this.record = place<StoreRecord>();
    this.record.init();
    this.headPtr = reserve(HEAD_BYTES_MAX, 16);
  }

  /** Ends with E_OK when the answer is in `slot`, or with E_CORRUPT when a record is damaged. */
  begin(hash: u32, keyPtr: usize, keyBytes: u32): Operation {
    this.keyPtr = keyPtr;
    this.keyBytes = keyBytes;
    this.slot = this.volume.index.first(hash);
    this.isRead = false;
    return this;
  }

  protected advance(): i32 {
    if (this.slot < 0) return E_OK;
    const volume = this.volume;
    const place = volume.index.place(this.slot);
    if (!this.isRead) {
      this.isRead = true;
      return this.await(volume.read(place, 0, this.headPtr, HEAD_BYTES_MAX));
    }
    this.isRead = false;
    if (!this.record.parse(volume, volume.epoch, place, this.headPtr)) return E_CORRUPT;
    if (this.record.hasKey(this.keyPtr, this.keyBytes)) return E_OK;
    this.slot = volume.index.next(this.slot);
    return PENDING;
  }
}
