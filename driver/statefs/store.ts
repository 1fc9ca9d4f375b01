/**
 * StateFS: keys and values that survive a power cut.
 *
 * The promise: after `sync` has returned E_OK, every value put before is there after any power cut.
 * Until then each key has its old or its new value, whole, never a mixture, and no other key
 * changes. It is made only where the disk has FLUSH or its writes are synchronous.
 *
 * How it is kept:
 * - A log of records, one put or removal each, in one half of the volume (layout.ts). A record has
 *   whole units of its own, so a torn write of one cannot hurt another, and a CRC32C each for
 *   header and value, so that half a record is seen to be none.
 * - `sync` flushes the records, then writes a superblock that says how far the log is stable, then
 *   flushes that (committer.ts). Two superblocks are written in turn; the newer valid one counts.
 * - A mount (mounter.ts) takes every record up to there, and behind it those that are whole, up to
 *   the first that is not. Up to there, what is not whole is damage: it is reported with its place,
 *   and the walk goes on at the next record (scanner.ts).
 * - What was behind that first one must not come back when new records fill the gap: the first
 *   record after a mount, or after a write that failed, is preceded by a commit that raises the
 *   generation, and records of an older generation behind the commit do not count.
 * - Compaction (compactor.ts) copies what is in use to the other half, and switches by superblock.
 *   A full half is compacted by itself. Room for some removals is kept back.
 * - In memory there is a table of hashes and places (key_index.ts); keys and values stay on the
 *   disk, and a key is sure only when its record has been read (finder.ts).
 *
 * One operation at a time: begin it, then `resume` in every slice until it is not PENDING. Keys,
 * values and buffers belong to the store until then. Nothing waits and nothing is allocated.
 */
import { BlkDevice } from "../blk/device";
import { place } from "../util/arena";
import * as err from "../util/errors";
import { Committer } from "./committer";
import { Compactor } from "./compactor";
import { Finder } from "./finder";
import { Formatter } from "./formatter";
import { RECORD_PUT, RECORD_REMOVE } from "./layout";
import { Mounter } from "./mounter";
import { StoreObserver } from "./observer";
import { Operation } from "./operation";
import { Reader } from "./reader";
import { isKey } from "./record";
import { Scanner } from "./scanner";
import { Summer } from "./summer";
import { SuperReader } from "./super_reader";
import { Volume } from "./volume";
import { Walker } from "./walker";
import { Writer } from "./writer";

export class StateFs {
  volume!: Volume;
  /** The value that `get` reads: its length and place, once it has been found. */
  reader!: Reader;
  private writer!: Writer;
  private mounter!: Mounter;
  private formatter!: Formatter;
  private committer!: Committer;
  private compactor!: Compactor;
  private walker!: Walker;
  private running: Operation | null;

  /** Places everything. Called once. */
  init(): void {
    this.volume = place<Volume>();
    this.volume.init();
    const scanner = place<Scanner>();
    scanner.init(this.volume);
    const finder = place<Finder>();
    finder.init(this.volume);
    const summer = place<Summer>();
    const superReader = place<SuperReader>();
    superReader.init(this.volume);
    this.placeOperations(scanner, finder, summer);
    this.mounter.init(this.volume, scanner, finder, superReader);
    this.walker.init(this.volume, scanner, superReader);
    this.compactor.use(this.committer, this.mounter);
    this.writer.use(this.committer, this.compactor);
    this.formatter.use(this.committer);
  }

  private placeOperations(scanner: Scanner, finder: Finder, summer: Summer): void {
    this.reader = place<Reader>();
    this.reader.init(this.volume, finder, summer);
    this.writer = place<Writer>();
    this.writer.init(this.volume, finder, summer);
    this.mounter = place<Mounter>();
    this.formatter = place<Formatter>();
    this.formatter.init(this.volume);
    this.committer = place<Committer>();
    this.committer.init(this.volume);
    this.compactor = place<Compactor>();
    this.compactor.init(this.volume, scanner);
    this.walker = place<Walker>();
  }

  /** Goes on. PENDING, then E_OK or the error that the operation has ended with. */
  resume(): i32 {
    const running = this.running;
    if (!running) return err.E_OK;
    const result = running.resume();
    if (result != err.PENDING) this.running = null;
    return result;
  }

  /**
   * Starts nothing more than what must not stay half done; the result is E_INTERRUPTED unless the
   * operation was at its end.
   */
  cancel(): void {
    this.volume.transfer.cancel();
  }

  private start(operation: Operation): i32 {
    this.volume.transfer.reset();
    this.running = operation;
    return err.PENDING;
  }

  private startIf(error: i32, operation: Operation): i32 {
    return error == err.E_OK ? this.start(operation) : error;
  }

  /** Whether a range can be formatted: E_OK, or why not. */
  checkFormat(disk: BlkDevice, firstLba: u64, sectorCount: u64): i32 {
    return this.formatter.check(disk, firstLba, sectorCount);
  }

  /** Whether a key can be given a value: E_OK, or why not. */
  checkPut(keyPtr: usize, keyBytes: usize): i32 {
    const error = this.volume.checkWritable();
    return error == err.E_OK && !isKey(keyPtr, keyBytes) ? err.E_KEY : error;
  }

  // All of these return PENDING, or why it is refused

  /** Makes an empty volume of `sectorCount` sectors from `firstLba` on; nothing is mounted then. */
  format(disk: BlkDevice, firstLba: u64, sectorCount: u64): i32 {
    const error = this.formatter.check(disk, firstLba, sectorCount);
    if (error == err.E_OK) this.formatter.begin(disk, firstLba, sectorCount);
    return this.startIf(error, this.formatter);
  }

  /** Mounts the volume at `firstLba`, and tells `observer` what is damaged or discarded. */
  mount(disk: BlkDevice, firstLba: u64, observer: StoreObserver): i32 {
    this.mounter.observer = observer;
    this.mounter.begin(disk, firstLba);
    return this.start(this.mounter);
  }

  /** Gives a key a value. It survives once `sync` has ended well. */
  put(keyPtr: usize, keyBytes: usize, valuePtr: usize, valueBytes: u32): i32 {
    const error = this.writer.begin(RECORD_PUT, keyPtr, <u32>keyBytes, valuePtr, valueBytes);
    return this.startIf(error, this.writer);
  }

  /** Removes a key. It stays removed once `sync` has ended well. */
  remove(keyPtr: usize, keyBytes: usize): i32 {
    const error = this.writer.begin(RECORD_REMOVE, keyPtr, <u32>keyBytes, 0, 0);
    return this.startIf(error, this.writer);
  }

  /** Reads the value of a key to `ptr`. E_CORRUPT when it is not what was put. */
  get(keyPtr: usize, keyBytes: usize, ptr: usize, capacityBytes: u32): i32 {
    const error = this.reader.begin(keyPtr, <u32>keyBytes, ptr, capacityBytes);
    return this.startIf(error, this.reader);
  }

  /** Tells `observer` of every key, in the order in which they were put. */
  list(observer: StoreObserver): i32 {
    return this.startIf(this.walker.begin(observer, false), this.walker);
  }

  /** As `list`, and reads superblocks and every value. */
  check(observer: StoreObserver): i32 {
    return this.startIf(this.walker.begin(observer, true), this.walker);
  }

  /** Makes everything that was put and removed before stable. */
  sync(): i32 {
    const error = this.volume.checkWritable();
    if (error != err.E_OK || this.volume.isCommitted()) return error;
    this.committer.begin(this.volume.needsGeneration);
    return this.start(this.committer);
  }

  /** Gives back what is not in use any more. */
  compact(): i32 {
    const error = this.volume.checkWritable();
    if (error != err.E_OK) return error;
    this.compactor.begin();
    return this.start(this.compactor);
  }
}
