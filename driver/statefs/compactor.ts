/**
 * Compaction: copies the records that are in use to the other half and switches to it.
 *
 *   records, FLUSH, superblock, FLUSH, the other superblock, FLUSH, index
 *
 * Nobody else writes to the other half, so a cut before the first superblock leaves the volume as
 * it was, and one after it finds all records there. Copies carry the next generation and the switch
 * the one after it: what an interrupted compaction has left behind their end is not taken then.
 *
 * A record keeps its sequence number and its sums: a damaged value stays a damaged value. A record
 * whose header is damaged is not known any more: it is reported and not copied.
 */
import { reserve } from "../util/arena";
import * as err from "../util/errors";
import { Committer } from "./committer";
import * as layout from "./layout";
import { Mounter } from "./mounter";
import { Operation } from "./operation";
import { headerSum } from "./record";
import { Found, Scanner } from "./scanner";
import { Volume } from "./volume";

/** What is written at once; a whole number of units of any size. */
const STAGE_BYTES: u32 = 128 << 10;

enum Step {
  SCAN,
  COPY,
  COMMIT,
  RESCAN,
  DONE,
}

export class Compactor extends Operation {
  private volume!: Volume;
  private scanner!: Scanner;
  private committer!: Committer;
  private mounter!: Mounter;
  private step: Step;
  private stagePtr: usize;
  private stageUnits: u32;
  /** Where the stage belongs in the other half. */
  private stageAt: u32;
  /** What is left of the record that is being copied. */
  private copyPlace: u32;
  private copyUnits: u32;
  private isHeadNext: bool;

  init(volume: Volume, scanner: Scanner): void {
    this.volume = volume;
    this.scanner = scanner;
    this.stagePtr = reserve(STAGE_BYTES, 16);
  }

  use(committer: Committer, mounter: Mounter): void {
    this.committer = committer;
    this.mounter = mounter;
  }

  /** Starts. The volume can be written. */
  begin(): Operation {
    const volume = this.volume;
    this.scanner.begin(volume.headUnits, volume.headUnits, false);
    this.stageUnits = 0;
    this.stageAt = 0;
    this.step = Step.SCAN;
    return this;
  }

  protected advance(): i32 {
    switch (this.step) {
      case Step.SCAN:
        return this.scan();
      case Step.COPY:
        return this.copy();
      case Step.COMMIT:
        return this.commit();
      case Step.RESCAN:
        this.step = Step.DONE;
        // The index still names places in the half that is not in use any more
        this.volume.transfer.mustEnd = true;
        return this.await(this.mounter.beginRescan());
      default:
        return err.E_OK;
    }
  }

  private scan(): i32 {
    const found = this.scanner.next();
    if (found < 0) return found;
    if (found == Found.DAMAGE) this.mounter.observer.damaged(this.scanner.place() - 1);
    if (found == Found.RECORD) this.choose();
    if (found != Found.END) return err.PENDING;
    this.step = Step.COMMIT;
    return this.stageUnits > 0 ? this.writeStage() : err.PENDING;
  }

  /** Copies the record next when it is in use. */
  private choose(): void {
    const record = this.scanner.record;
    if (this.volume.index.find(record.hash, record.place) < 0) return;
    this.copyPlace = record.place;
    this.copyUnits = record.units;
    this.isHeadNext = true;
    this.step = Step.COPY;
  }

  /** Moves as much of the record as is in the window and fits the stage. */
  private copy(): i32 {
    const volume = this.volume;
    const window = this.scanner.window;
    if (this.copyUnits == 0) {
      this.step = Step.SCAN;
      return err.PENDING;
    }
    const room = STAGE_BYTES / volume.unitBytes - this.stageUnits;
    if (room == 0) return this.writeStage();
    const inWindow = window.unitsFrom(this.copyPlace);
    if (inWindow == 0) {
      return this.await(window.load(this.copyPlace, this.copyPlace + this.copyUnits));
    }
    const units = min(min(inWindow, room), this.copyUnits);
    const toPtr = this.stagePtr + <usize>this.stageUnits * volume.unitBytes;
    memory.copy(toPtr, window.at(this.copyPlace), units * volume.unitBytes);
    if (this.isHeadNext) this.moveHeader(changetype<layout.RecordHeader>(toPtr));
    this.isHeadNext = false;
    this.stageUnits += units;
    this.copyPlace += units;
    this.copyUnits -= units;
    return err.PENDING;
  }

  /** Makes the header true for where the record is going. */
  private moveHeader(header: layout.RecordHeader): void {
    const volume = this.volume;
    header.generation = volume.generation + 1;
    header.epoch = volume.epoch + 1;
    header.place = volume.placeOf(1 - volume.half, this.stageAt + this.stageUnits);
    header.replaces = 0;
    header.headerCrc = headerSum(changetype<usize>(header), header.keyBytes);
  }

  private writeStage(): i32 {
    const volume = this.volume;
    const place = volume.placeOf(1 - volume.half, this.stageAt);
    const bytes = this.stageUnits * volume.unitBytes;
    this.stageAt += this.stageUnits;
    this.stageUnits = 0;
    return this.await(volume.write(place, this.stagePtr, bytes));
  }

  private commit(): i32 {
    const volume = this.volume;
    this.step = Step.RESCAN;
    this.committer.half = 1 - volume.half;
    this.committer.epoch = volume.epoch + 1;
    this.committer.generation = volume.generation + 2;
    this.committer.headUnits = this.stageAt;
    return this.await(this.committer.beginSwitch());
  }
}
