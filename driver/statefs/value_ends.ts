/**
 * The value of a key as an end of a copy.
 *
 * As a source it is read once and verified before the copy begins, and then again piece by piece.
 * As a sink it is collected in memory and put whole when all of it has come: a copy that fails
 * leaves the key as it was.
 */
import { BlkDevice } from "../blk/device";
import { Piece, Sink, Source } from "../io/stream";
import { E_OK } from "../util/errors";
import { VALUE_BYTES_MAX } from "./layout";
import { StateFs } from "./store";

export class ValueSource extends Source {
  private store!: StateFs;
  private keyPtr: usize;
  private keyBytes: usize;
  private isBegun: bool;
  private valueBytes: u32;
  private valueOffset: u64;

  init(store: StateFs): void {
    this.store = store;
  }

  /** The key must stay where it is until the copy has ended. */
  use(keyPtr: usize, keyBytes: usize): void {
    this.keyPtr = keyPtr;
    this.keyBytes = keyBytes;
    this.isBegun = false;
  }

  prepare(ptr: usize): i32 {
    const store = this.store;
    const result = this.isBegun
      ? store.resume()
      : store.get(this.keyPtr, this.keyBytes, ptr, VALUE_BYTES_MAX);
    this.isBegun = true;
    this.valueBytes = store.reader.valueBytes;
    if (result == E_OK) this.valueOffset = store.reader.valueOffset();
    return result;
  }

  sizeBytes(): u64 {
    return this.valueBytes;
  }

  disk(): BlkDevice | null {
    return this.store.volume.disk;
  }

  diskOffset(): u64 {
    return this.valueOffset;
  }

  begin(piece: Piece, offset: u64): i32 {
    const disk = this.store.volume.disk;
    return piece.io.readBytes(disk, this.valueOffset + offset, piece.ptr, piece.sourceBytes);
  }

  go(piece: Piece): i32 {
    return piece.io.result();
  }
}

enum Ending {
  NONE,
  PUT,
  SYNC,
}

export class ValueSink extends Sink {
  private store!: StateFs;
  private keyPtr: usize;
  private keyBytes: usize;
  private ptr: usize;
  private valueBytes: u32;
  private syncs: bool;
  private ending: Ending;

  init(store: StateFs): void {
    this.store = store;
  }

  /** With `syncs`, the copy ends with a sync. */
  use(keyPtr: usize, keyBytes: usize, syncs: bool): void {
    this.keyPtr = keyPtr;
    this.keyBytes = keyBytes;
    this.syncs = syncs;
    this.ending = Ending.NONE;
  }

  /** Lends memory for a value of `valueBytes`, until the copy has ended. */
  lend(ptr: usize, valueBytes: u32): void {
    this.ptr = ptr;
    this.valueBytes = valueBytes;
    memory.fill(ptr, 0, valueBytes);
  }

  sizeBytes(): u64 {
    return VALUE_BYTES_MAX;
  }

  begin(piece: Piece, offset: u64): i32 {
    memory.copy(this.ptr + <usize>offset, piece.ptr, piece.lengthBytes);
    return E_OK;
  }

  go(piece: Piece): i32 {
    return E_OK;
  }

  end(): i32 {
    const result = this.goOn();
    if (result != E_OK || !this.syncs || this.ending == Ending.SYNC) return result;
    this.ending = Ending.SYNC;
    return this.store.sync();
  }

  private goOn(): i32 {
    if (this.ending != Ending.NONE) return this.store.resume();
    this.ending = Ending.PUT;
    return this.store.put(this.keyPtr, this.keyBytes, this.ptr, this.valueBytes);
  }

  /** Ctrl-C while the value is being put. */
  cancel(): void {
    if (this.ending != Ending.NONE) this.store.cancel();
  }
}
