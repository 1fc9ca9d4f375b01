/**
 * Mounts a volume: takes the newer superblock that is valid, and builds the index from the log.
 * Writes nothing.
 *
 * Refuses what is no StateFS, a newer version, two damaged superblocks, a disk that is shorter than
 * the volume, and blocks that are larger than its units: a torn write could then hurt neighbours.
 */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import * as err from "../util/errors";
import { Finder } from "./finder";
import * as layout from "./layout";
import { StoreObserver } from "./observer";
import { Operation } from "./operation";
import { areCounts } from "./record";
import { Found, Scanner } from "./scanner";
import { SuperReader } from "./super_reader";
import { Volume, isGeometry } from "./volume";

/** How far behind the log discarded records are looked for, so that they can be told of. */
const LOOK_BYTES: u32 = 128 << 10;

enum Step {
  READ,
  CHOOSE,
  SCAN,
  /** The finder has looked for the key of the scanner's record. */
  APPLY,
  LOOK,
}

export class Mounter extends Operation {
  observer!: StoreObserver;
  private volume!: Volume;
  private scanner!: Scanner;
  private finder!: Finder;
  private superReader!: SuperReader;
  private step: Step;
  private disk!: BlkDevice;
  private firstLba: u64;

  init(volume: Volume, scanner: Scanner, finder: Finder, superReader: SuperReader): void {
    this.superReader = superReader;
    this.volume = volume;
    this.scanner = scanner;
    this.finder = finder;
  }

  /** Starts to mount the volume that begins at sector `firstLba`. */
  begin(disk: BlkDevice, firstLba: u64): void {
    this.volume.isMounted = false;
    this.disk = disk;
    this.firstLba = firstLba;
    this.step = Step.READ;
  }

  /**
   * Starts to build the index again, for a log that has just been committed. Nothing is mounted
   * until that has gone well.
   */
  beginRescan(): Operation {
    this.volume.isMounted = false;
    this.startScan();
    return this;
  }

  protected advance(): i32 {
    switch (this.step) {
      case Step.READ:
        this.step = Step.CHOOSE;
        return this.await(this.superReader.begin(this.disk, this.firstLba));
      case Step.CHOOSE:
        return this.choose();
      case Step.APPLY:
        this.step = Step.SCAN;
        return this.apply(this.finder.slot);
      case Step.SCAN:
        return this.scan();
      default:
        return this.look();
    }
  }

  private choose(): i32 {
    const first = this.superReader.judge(0);
    const second = this.superReader.judge(1);
    if (first == err.E_VERSION || second == err.E_VERSION) return err.E_VERSION;
    if (first != err.E_OK && second != err.E_OK) {
      return first == err.E_CORRUPT ? first : second;
    }
    if (first != err.E_OK) this.observer.badSuperBlock(0, first);
    if (second != err.E_OK) this.observer.badSuperBlock(1, second);
    const isSecond = first != err.E_OK || (second == err.E_OK && this.isSecondNewer());
    const error = this.take(this.superReader.block(isSecond ? 1 : 0));
    if (error != err.E_OK) return error;
    this.startScan();
    return err.PENDING;
  }

  private isSecondNewer(): bool {
    return this.superReader.block(1).commit > this.superReader.block(0).commit;
  }

  /** Takes over what a superblock says, unless it cannot be true. */
  private take(block: layout.SuperBlock): i32 {
    const volume = this.volume;
    if (!isGeometry(block.unitBytes, block.unitCount)) return err.E_CORRUPT;
    volume.setGeometry(this.disk, this.firstLba, block.unitBytes, block.unitCount);
    if (block.half > 1 || block.committedUnits > volume.halfUnits()) return err.E_CORRUPT;
    if (!areCounts(block.lastSequence | block.commit, block.generation | block.epoch)) {
      return err.E_CORRUPT;
    }
    const sectors = <u64>block.unitCount * (block.unitBytes / SECTOR_BYTES);
    if (!this.disk.config.isInside(this.firstLba, sectors)) return err.E_RANGE;
    if (this.disk.config.blockBytes > block.unitBytes) return err.E_ALIGN;
    volume.volumeId = block.volumeId;
    volume.commit = block.commit;
    volume.half = block.half;
    volume.epoch = block.epoch;
    volume.generation = block.generation;
    volume.committedUnits = block.committedUnits;
    volume.lastSequence = block.lastSequence;
    volume.needsGeneration = true;
    volume.failure = err.E_OK;
    return err.E_OK;
  }

  private startScan(): void {
    const volume = this.volume;
    volume.index.clear();
    this.scanner.begin(volume.committedUnits, volume.halfUnits(), false);
    this.step = Step.SCAN;
  }

  private scan(): i32 {
    const found = this.scanner.next();
    if (found < 0) return found;
    if (found == Found.RECORD) return this.place();
    if (found == Found.DAMAGE) this.observer.damaged(this.scanner.place() - 1);
    if (found == Found.END) this.endScan();
    return err.PENDING;
  }

  /**
   * Puts the record into the index. Which one it replaces it says itself; the key is looked for
   * only where that one is missing.
   */
  private place(): i32 {
    const index = this.volume.index;
    const record = this.scanner.record;
    const slot = record.replaces == 0 ? -1 : index.find(record.hash, record.replaces);
    if (slot >= 0 || index.first(record.hash) < 0) return this.apply(slot);
    this.step = Step.APPLY;
    return this.await(this.finder.begin(record.hash, record.keyPtr, record.keyBytes));
  }

  /** `slot` is where the key is in the index, -1 when it is not. */
  private apply(slot: i32): i32 {
    const index = this.volume.index;
    const record = this.scanner.record;
    const isPut = record.kind == layout.RECORD_PUT;
    if (slot < 0 && isPut) {
      const error = index.add(record.hash, record.place, record.units);
      return error == err.E_OK ? err.PENDING : error;
    }
    if (slot >= 0 && isPut) index.replace(slot, record.place, record.units);
    if (slot >= 0 && !isPut) index.remove(slot);
    return err.PENDING;
  }

  private endScan(): void {
    const volume = this.volume;
    const scanner = this.scanner;
    volume.headUnits = scanner.at;
    volume.lastSequence = max(volume.lastSequence, scanner.sequence());
    const lookUnits = LOOK_BYTES / volume.unitBytes;
    scanner.lookBehind(min(volume.halfUnits() - scanner.at, lookUnits) + scanner.at);
    this.step = Step.LOOK;
  }

  /** Tells of what was written and is not taken. */
  private look(): i32 {
    const found = this.scanner.next();
    if (found < 0) return found;
    if (found == Found.RECORD) this.observer.discarded(this.scanner.record);
    if (found != Found.END) return err.PENDING;
    this.volume.generation = max(this.volume.generation, this.scanner.generation());
    this.volume.isMounted = true;
    return err.E_OK;
  }
}
