/**
 * Puts and removes: appends one record to the log.
 *
 *   room (compaction when there is none), look-up, generation, sum, value, header
 *
 * Nothing but units behind the end of the log is written, so a cut at any moment leaves every other
 * record as it is. What is here is safe after the next commit, not before.
 */
import * as err from "../util/errors";
import { Committer } from "./committer";
import { Compactor } from "./compactor";
import { Finder } from "./finder";
import * as layout from "./layout";
import { Operation } from "./operation";
import { headerSum, isKey, keyHash } from "./record";
import { Summer } from "./summer";
import { Volume } from "./volume";

enum Step {
  ROOM,
  FIND,
  GENERATION,
  SUM,
  WRITE_MIDDLE,
  WRITE_TAIL,
  WRITE_HEAD,
  DONE,
}

export class Writer extends Operation {
  private volume!: Volume;
  private finder!: Finder;
  private summer!: Summer;
  private committer!: Committer;
  private compactor!: Compactor;
  private step: Step;
  private kind: u8;
  private keyPtr: usize;
  private keyBytes: u32;
  private hash: u32;
  private valuePtr: usize;
  private valueBytes: u32;
  private units: u32;

  init(volume: Volume, finder: Finder, summer: Summer): void {
    this.volume = volume;
    this.finder = finder;
    this.summer = summer;
  }

  /** The operations that a record may need first. */
  use(committer: Committer, compactor: Compactor): void {
    this.committer = committer;
    this.compactor = compactor;
  }

  /** Starts to write a record. The memory must stay as it is. E_OK, or why it is refused. */
  begin(kind: u8, keyPtr: usize, keyBytes: u32, valuePtr: usize, valueBytes: u32): i32 {
    const volume = this.volume;
    const error = volume.checkWritable();
    if (error != err.E_OK) return error;
    if (!isKey(keyPtr, keyBytes)) return err.E_KEY;
    if (valueBytes > layout.VALUE_BYTES_MAX) return err.E_TOO_LONG;
    this.kind = kind;
    this.keyPtr = keyPtr;
    this.keyBytes = keyBytes;
    this.hash = keyHash(keyPtr, keyBytes);
    this.valuePtr = valuePtr;
    this.valueBytes = valueBytes;
    this.units = volume.unitsFor(keyBytes, valueBytes);
    this.step = Step.ROOM;
    return err.E_OK;
  }

  protected advance(): i32 {
    switch (this.step) {
      case Step.ROOM:
        return this.makeRoom();
      case Step.FIND:
        this.step = Step.GENERATION;
        return this.await(this.finder.begin(this.hash, this.keyPtr, this.keyBytes));
      case Step.GENERATION:
        return this.raiseGeneration();
      case Step.SUM:
        this.step = Step.WRITE_MIDDLE;
        return this.await(this.summer.begin(this.valuePtr, this.valueBytes));
      case Step.WRITE_MIDDLE:
        return this.writeMiddle();
      case Step.WRITE_TAIL:
        return this.writeTail();
      case Step.WRITE_HEAD:
        return this.writeHead();
      default:
        return this.settle();
    }
  }

  /** Part of the record may be on the disk: nothing of it may ever look like a record. */
  protected failed(error: i32): i32 {
    if (this.step > Step.WRITE_MIDDLE) this.volume.needsGeneration = true;
    return error;
  }

  private makeRoom(): i32 {
    const volume = this.volume;
    const isPut = this.kind == layout.RECORD_PUT;
    const limit = isPut ? volume.usableUnits() : volume.halfUnits();
    this.step = Step.FIND;
    if (volume.headUnits + this.units <= limit) return err.PENDING;
    if (volume.index.liveUnits + this.units > limit) return err.E_NO_SPACE;
    return this.await(this.compactor.begin());
  }

  /** The key has been looked for: what it means for this record. */
  private raiseGeneration(): i32 {
    const isNew = this.finder.slot < 0;
    if (isNew && this.kind == layout.RECORD_REMOVE) return err.E_NO_KEY;
    if (isNew && this.volume.index.isFull()) return err.E_KEYS;
    this.step = Step.SUM;
    return this.volume.needsGeneration ? this.await(this.committer.begin(true)) : err.PENDING;
  }

  private place(): u32 {
    return this.volume.placeOf(this.volume.half, this.volume.headUnits);
  }

  /** Bytes of the value that are in the first unit, and bytes in whole units behind it. */
  private firstBytes(): u32 {
    const room = this.volume.unitBytes - layout.RECORD_HEADER_BYTES - this.keyBytes;
    return min(this.valueBytes, room);
  }

  private middleBytes(): u32 {
    return (this.valueBytes - this.firstBytes()) & ~(this.volume.unitBytes - 1);
  }

  private writeMiddle(): i32 {
    this.step = Step.WRITE_TAIL;
    const bytes = this.middleBytes();
    if (bytes == 0) return err.PENDING;
    const ptr = this.valuePtr + this.firstBytes();
    return this.await(this.volume.write(this.place() + 1, ptr, bytes));
  }

  private writeTail(): i32 {
    this.step = Step.WRITE_HEAD;
    const volume = this.volume;
    const done = this.firstBytes() + this.middleBytes();
    const bytes = this.valueBytes - done;
    if (bytes == 0) return err.PENDING;
    memory.fill(volume.unitPtr, 0, volume.unitBytes);
    memory.copy(volume.unitPtr, this.valuePtr + done, bytes);
    const place = this.place() + this.units - 1;
    return this.await(volume.write(place, volume.unitPtr, volume.unitBytes));
  }

  private writeHead(): i32 {
    this.step = Step.DONE;
    const volume = this.volume;
    const ptr = volume.unitPtr;
    memory.fill(ptr, 0, volume.unitBytes);
    const keyPtr = ptr + layout.RECORD_HEADER_BYTES;
    memory.copy(keyPtr, this.keyPtr, this.keyBytes);
    memory.copy(keyPtr + this.keyBytes, this.valuePtr, this.firstBytes());
    this.fillHeader(changetype<layout.RecordHeader>(ptr));
    return this.await(volume.write(this.place(), ptr, volume.unitBytes));
  }

  private fillHeader(header: layout.RecordHeader): void {
    const volume = this.volume;
    header.magic = layout.RECORD_MAGIC;
    header.volumeId = volume.volumeId;
    header.sequence = volume.lastSequence + 1;
    header.generation = volume.generation;
    header.epoch = volume.epoch;
    header.place = this.place();
    header.replaces = this.finder.slot < 0 ? 0 : volume.index.place(this.finder.slot);
    header.valueBytes = this.valueBytes;
    header.valueCrc = this.summer.crc;
    header.keyBytes = <u16>this.keyBytes;
    header.kind = this.kind;
    header.headerCrc = headerSum(changetype<usize>(header), this.keyBytes);
  }

  /** The record is there: the log and the index know it from now on. */
  private settle(): i32 {
    const volume = this.volume;
    const index = volume.index;
    const slot = this.finder.slot;
    const place = this.place();
    volume.headUnits += this.units;
    volume.lastSequence += 1;
    if (this.kind == layout.RECORD_REMOVE) index.remove(slot);
    else if (slot >= 0) index.replace(slot, place, this.units);
    else return index.add(this.hash, place, this.units);
    return err.E_OK;
  }
}
