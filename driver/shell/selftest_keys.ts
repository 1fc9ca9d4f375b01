/**
 * The part of selftest that needs a StateFS: whether what an earlier boot has stored is found
 * again, and whether a value comes back that is stored now.
 *
 * The value of `selftest/boots` is VALUE_BYTES long: how many boots have stored it, u64 and
 * little-endian, and behind that the random numbers of that seed. The count is raised once a boot.
 * A value that is not what was stored is left as it is.
 */
import { BlkDevice } from "../blk/device";
import { RandomSource } from "../io/sources";
import { StoreObserver } from "../statefs/observer";
import { StateFs } from "../statefs/store";
import { place, reserve } from "../util/arena";
import { sameBytes } from "../util/bytes";
import * as err from "../util/errors";
import { theStore } from "./mounted";

const KEY: string = "selftest/boots";
const VALUE_BYTES: u32 = 4096;
const COUNT_BYTES: u32 = 8;

enum Step {
  MOUNT,
  FIND,
  PUT,
  SYNC,
  READ,
}

/** Nobody asks what a mount comes upon: `statefs mount` tells. */
class Quiet extends StoreObserver {}

export class KeyTest {
  /** E_OK, why what an earlier boot stored was not found, or E_NO_KEY when none has stored. */
  foundResult: i32;
  /** The same of what is stored now; E_NO_FORMAT when there is no store. */
  storedResult: i32;
  private store!: StateFs;
  private quiet!: Quiet;
  private random!: RandomSource;
  private keyPtr: usize;
  private step: Step;
  private readPtr: usize;
  private wantedPtr: usize;
  /** The count that this boot has stored, or 0. */
  private ownCount: u64;

  init(): void {
    this.store = theStore();
    this.quiet = place<Quiet>();
    this.random = place<RandomSource>();
    this.keyPtr = reserve(KEY.length, 1);
    for (let i = 0; i < KEY.length; ++i) store<u8>(this.keyPtr + i, <u8>KEY.charCodeAt(i));
  }

  /**
   * Starts with the store that is mounted, or mounts the one at the beginning of `disk`. PENDING,
   * or as resume. Memory at `ptr` is lent for two values.
   */
  begin(disk: BlkDevice, ptr: usize): i32 {
    this.readPtr = ptr;
    this.wantedPtr = ptr + VALUE_BYTES;
    this.step = Step.MOUNT;
    this.foundResult = err.E_NO_FORMAT;
    this.storedResult = err.E_NO_FORMAT;
    if (this.store.volume.isMounted) return this.endStep(err.E_OK);
    return this.endStep(this.store.mount(disk, 0, this.quiet));
  }

  /** PENDING, then E_OK when both results are there, or E_INTERRUPTED. */
  resume(): i32 {
    return this.endStep(this.store.resume());
  }

  private endStep(result: i32): i32 {
    if (result == err.PENDING || result == err.E_INTERRUPTED) return result;
    switch (this.step) {
      case Step.MOUNT:
        return result == err.E_OK ? this.find() : this.endBoth(result);
      case Step.FIND:
        return this.endFind(result);
      case Step.PUT:
        this.step = Step.SYNC;
        return result == err.E_OK ? this.endStep(this.store.sync()) : this.end(result);
      case Step.SYNC:
        if (result != err.E_OK) return this.end(result);
        this.step = Step.READ;
        return this.endStep(this.get());
      default:
        return this.end(result == err.E_OK ? this.compare(this.ownCount) : result);
    }
  }

  private find(): i32 {
    this.step = Step.FIND;
    return this.endStep(this.get());
  }

  private get(): i32 {
    return this.store.get(this.keyPtr, KEY.length, this.readPtr, VALUE_BYTES);
  }

  private endFind(result: i32): i32 {
    const isThere = result == err.E_OK && this.store.reader.valueBytes == VALUE_BYTES;
    const count = isThere ? load<u64>(this.readPtr) : 0;
    const isEarlier = result != err.E_OK || this.ownCount != 1;
    this.foundResult = isEarlier ? result : err.E_NO_KEY;
    if (result == err.E_OK && isEarlier) this.foundResult = this.compare(count);
    const isMissing = this.foundResult == err.E_NO_KEY;
    // What is not as it should be stays for somebody to look at
    if (this.foundResult != err.E_OK && !isMissing) return this.end(this.foundResult);
    if (this.ownCount == 0) this.ownCount = count + 1;
    const refusal = this.store.checkPut(this.keyPtr, KEY.length);
    if (refusal != err.E_OK) return this.end(refusal);
    this.make(this.ownCount);
    this.step = Step.PUT;
    return this.endStep(this.store.put(this.keyPtr, KEY.length, this.wantedPtr, VALUE_BYTES));
  }

  /** Makes the value of a count. */
  private make(count: u64): void {
    store<u64>(this.wantedPtr, count);
    this.random.use(count);
    this.random.make(this.wantedPtr + COUNT_BYTES, 0, VALUE_BYTES - COUNT_BYTES);
  }

  /** Whether the value that has been read is that of a count. */
  private compare(count: u64): i32 {
    if (this.store.reader.valueBytes != VALUE_BYTES) return err.E_DIFFERENT;
    this.make(count);
    const same = sameBytes(this.readPtr, this.wantedPtr, VALUE_BYTES);
    return same == VALUE_BYTES ? err.E_OK : err.E_DIFFERENT;
  }

  private endBoth(error: i32): i32 {
    this.foundResult = error;
    return this.end(error);
  }

  private end(result: i32): i32 {
    this.storedResult = result;
    return err.E_OK;
  }

  /** Ctrl-C. */
  cancel(): void {
    this.store.cancel();
  }
}
