/** Walks through the log for `ls` and `check`: tells an observer what is there. Writes nothing. */
import * as err from "../util/errors";
import { StoreObserver } from "./observer";
import { Operation } from "./operation";
import { Found, Scanner } from "./scanner";
import { SuperReader } from "./super_reader";
import { Volume } from "./volume";

export class Walker extends Operation {
  private volume!: Volume;
  private scanner!: Scanner;
  private superReader!: SuperReader;
  private observer!: StoreObserver;
  /** Superblocks are still to be read, or to be judged. */
  private readsSuperBlocks: bool;
  private judgesSuperBlocks: bool;

  init(volume: Volume, scanner: Scanner, superReader: SuperReader): void {
    this.superReader = superReader;
    this.volume = volume;
    this.scanner = scanner;
  }

  /** Starts; `isThorough` reads superblocks and values as well. E_OK, or why it is refused. */
  begin(observer: StoreObserver, isThorough: bool): i32 {
    const volume = this.volume;
    if (!volume.isMounted) return err.E_NOT_MOUNTED;
    this.observer = observer;
    this.readsSuperBlocks = isThorough;
    this.judgesSuperBlocks = isThorough;
    this.scanner.begin(volume.headUnits, volume.headUnits, isThorough);
    return err.E_OK;
  }

  protected advance(): i32 {
    if (this.readsSuperBlocks) {
      this.readsSuperBlocks = false;
      return this.await(this.superReader.begin(this.volume.disk, this.volume.firstLba));
    }
    if (this.judgesSuperBlocks) {
      this.judgesSuperBlocks = false;
      this.judge(0);
      this.judge(1);
    }
    return this.walk();
  }

  private judge(slot: u32): void {
    const error = this.superReader.judge(slot);
    if (error != err.E_OK) this.observer.badSuperBlock(slot, error);
  }

  private walk(): i32 {
    const found = this.scanner.next();
    if (found < 0) return found;
    if (found == Found.END) return err.E_OK;
    if (found == Found.DAMAGE) this.observer.damaged(this.scanner.place() - 1);
    if (found == Found.RECORD && this.isLive()) this.observer.listed(this.scanner.record);
    if (found == Found.BAD_VALUE && this.isLive()) this.observer.badValue(this.scanner.record);
    return err.PENDING;
  }

  private isLive(): bool {
    const record = this.scanner.record;
    return this.volume.index.find(record.hash, record.place) >= 0;
  }
}
