/** Reads the value of a key into memory, and believes it only when its sum is right. */
import { SECTOR_BYTES } from "../blk/layout";
import * as err from "../util/errors";
import { Finder } from "./finder";
import { Operation } from "./operation";
import { isKey, keyHash } from "./record";
import { Summer } from "./summer";
import { Volume } from "./volume";

enum Step {
  FIND,
  READ,
  SUM,
  DONE,
}

export class Reader extends Operation {
  /** Length of the value, once the key has been found, and the sector of its record. */
  valueBytes: u32;
  valueCrc: u32;
  private volume!: Volume;
  private finder!: Finder;
  private summer!: Summer;
  private step: Step;
  private keyPtr: usize;
  private keyBytes: u32;
  private ptr: usize;
  private capacityBytes: u32;

  init(volume: Volume, finder: Finder, summer: Summer): void {
    this.volume = volume;
    this.finder = finder;
    this.summer = summer;
  }

  /** Starts to read into `capacityBytes` bytes at `ptr`. E_OK, or why it is refused. */
  begin(keyPtr: usize, keyBytes: u32, ptr: usize, capacityBytes: u32): i32 {
    if (!this.volume.isMounted) return err.E_NOT_MOUNTED;
    if (!isKey(keyPtr, keyBytes)) return err.E_KEY;
    this.keyPtr = keyPtr;
    this.keyBytes = keyBytes;
    this.ptr = ptr;
    this.capacityBytes = capacityBytes;
    this.step = Step.FIND;
    return err.E_OK;
  }

  /** The sector of the record, once the key has been found. */
  sector(): u64 {
    return this.volume.sectorOf(this.finder.record.place);
  }

  /** The byte of the disk at which the value begins, once the key has been found. */
  valueOffset(): u64 {
    return this.sector() * SECTOR_BYTES + this.finder.record.headBytes();
  }

  protected advance(): i32 {
    switch (this.step) {
      case Step.FIND:
        this.step = Step.READ;
        return this.await(
          this.finder.begin(keyHash(this.keyPtr, this.keyBytes), this.keyPtr, this.keyBytes),
        );
      case Step.READ:
        return this.read();
      case Step.SUM:
        this.step = Step.DONE;
        return this.await(this.summer.begin(this.ptr, this.valueBytes));
      default:
        return this.summer.crc == this.valueCrc ? err.E_OK : err.E_CORRUPT;
    }
  }

  private read(): i32 {
    if (this.finder.slot < 0) return err.E_NO_KEY;
    const record = this.finder.record;
    this.valueBytes = record.valueBytes;
    this.valueCrc = record.valueCrc;
    if (record.valueBytes > this.capacityBytes) return err.E_TOO_LONG;
    this.step = Step.SUM;
    const bytes = record.valueBytes;
    return this.await(this.volume.read(record.place, record.headBytes(), this.ptr, bytes));
  }
}
