/**
 * Sources of a copy: a disk, one byte over and over, marked sectors, random numbers.
 *
 * What is computed depends on the place in the stream alone, so that pieces are made in any order
 * and a test on the host can compute the same.
 */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import { reserve } from "../util/arena";
import { E_OK, PENDING } from "../util/errors";
import { ENDLESS, Piece, QUANTUM_BYTES, Source } from "./stream";

export class DiskSource extends Source {
  private from!: BlkDevice;

  use(disk: BlkDevice): void {
    this.from = disk;
  }

  sizeBytes(): u64 {
    return this.from.config.capacitySectors * SECTOR_BYTES;
  }

  disk(): BlkDevice | null {
    return this.from;
  }

  begin(piece: Piece, offset: u64): i32 {
    return piece.io.readBytes(this.from, offset, piece.ptr, piece.sourceBytes);
  }

  go(piece: Piece): i32 {
    return piece.io.result();
  }
}

/**
 * Two sources side by side, to be compared: the first into one buffer of a piece, then the second
 * into the other.
 */
export class PairSource extends Source {
  private first!: Source;
  private second!: Source;

  use(first: Source, second: Source): void {
    this.first = first;
    this.second = second;
  }

  sizeBytes(): u64 {
    return min(this.first.sizeBytes(), this.second.sizeBytes());
  }

  disk(): BlkDevice | null {
    const disk = this.first.disk();
    return disk ? disk : this.second.disk();
  }

  blockBytes(): u32 {
    return max(this.first.blockBytes(), this.second.blockBytes());
  }

  /** The source that a piece is being read from. */
  sourceOf(piece: Piece): Source {
    return piece.isSecond ? this.second : this.first;
  }

  begin(piece: Piece, offset: u64): i32 {
    piece.isSecond = false;
    const result = this.first.begin(piece, offset);
    return result == E_OK ? this.beginSecond(piece, offset) : result;
  }

  /** Reads into the other buffer as if it were the first one. */
  private beginSecond(piece: Piece, offset: u64): i32 {
    piece.isSecond = true;
    piece.doneBytes = 0;
    swapBuffers(piece);
    return this.endSecond(piece, this.second.begin(piece, offset));
  }

  private endSecond(piece: Piece, result: i32): i32 {
    if (result != PENDING) swapBuffers(piece);
    return result;
  }

  go(piece: Piece): i32 {
    if (piece.isSecond) return this.endSecond(piece, this.second.go(piece));
    const result = this.first.go(piece);
    return result == E_OK ? this.beginSecond(piece, piece.offset) : result;
  }
}

function swapBuffers(piece: Piece): void {
  const ptr = piece.ptr;
  piece.ptr = piece.otherPtr;
  piece.otherPtr = ptr;
}

/** One byte, again and again. */
export class ByteSource extends Source {
  private byte: u8;

  use(byte: u8): void {
    this.byte = byte;
  }

  sizeBytes(): u64 {
    return ENDLESS;
  }

  /** What an earlier piece of the same copy has left in the buffer need not be written again. */
  begin(piece: Piece, offset: u64): i32 {
    if (piece.filledBytes < piece.sourceBytes) {
      memory.fill(piece.ptr, this.byte, piece.sourceBytes);
      piece.filledBytes = piece.sourceBytes;
    }
    return E_OK;
  }

  go(piece: Piece): i32 {
    return E_OK;
  }
}

/** A source that is computed, a quantum a slice. */
abstract class MadeSource extends Source {
  protected seed: u64;

  /** Places of a piece are kept in the piece: its offset on the source is `bias` behind its own. */
  private bias: u64;

  use(seed: u64): void {
    this.seed = seed;
  }

  sizeBytes(): u64 {
    return ENDLESS;
  }

  begin(piece: Piece, offset: u64): i32 {
    this.bias = offset - piece.offset;
    return PENDING;
  }

  go(piece: Piece): i32 {
    const bytes = min(piece.sourceBytes - piece.doneBytes, QUANTUM_BYTES);
    this.make(piece.ptr + piece.doneBytes, this.bias + piece.offset + piece.doneBytes, bytes);
    piece.doneBytes += bytes;
    return piece.doneBytes < piece.sourceBytes ? PENDING : E_OK;
  }

  /** Makes `lengthBytes` bytes of the stream from `offset` on. */
  abstract make(ptr: usize, offset: u64, lengthBytes: u32): void;
}

const MARK_BYTES: usize = 16;

/**
 * Marked sectors: each holds its own number and the seed, both u64 and little-endian, over and
 * over.
 */
export class PatternSource extends MadeSource {
  private sectorPtr: usize;

  /** Reserves a sector. Called once. */
  init(): void {
    this.sectorPtr = reserve(SECTOR_BYTES, 16);
  }

  make(ptr: usize, offset: u64, lengthBytes: u32): void {
    for (let done: u32 = 0; done < lengthBytes;) {
      const at = offset + done;
      const inSector = <u32>(at % SECTOR_BYTES);
      const bytes = min(SECTOR_BYTES - inSector, lengthBytes - done);
      this.mark(at / SECTOR_BYTES);
      memory.copy(ptr + done, this.sectorPtr + inSector, bytes);
      done += bytes;
    }
  }

  private mark(lba: u64): void {
    const ptr = this.sectorPtr;
    store<u64>(ptr, lba);
    store<u64>(ptr, this.seed, 8);
    for (let bytes = MARK_BYTES; bytes < SECTOR_BYTES; bytes *= 2) {
      memory.copy(ptr + bytes, ptr, bytes);
    }
  }
}

const WORD_BYTES: u32 = 8;
const GOLDEN: u64 = 0x9e3779b97f4a7c15;

/** The splitmix64 sequence of the seed, its numbers little-endian one behind the other. */
export class RandomSource extends MadeSource {
  make(ptr: usize, offset: u64, lengthBytes: u32): void {
    let state = this.seed + (offset / WORD_BYTES) * GOLDEN;
    let done: u32 = 0;
    const skipped = <u32>(offset % WORD_BYTES);
    if (skipped > 0) {
      done = min(WORD_BYTES - skipped, lengthBytes);
      state += GOLDEN;
      storePart(ptr, mix(state) >> (8 * skipped), done);
    }
    for (; done + WORD_BYTES <= lengthBytes; done += WORD_BYTES) {
      state += GOLDEN;
      store<u64>(ptr + done, mix(state));
    }
    if (done < lengthBytes) storePart(ptr + done, mix(state + GOLDEN), lengthBytes - done);
  }
}

function mix(state: u64): u64 {
  let word = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

/** Stores the lowest `count` bytes of `word`. */
function storePart(ptr: usize, word: u64, count: u32): void {
  for (let i: u32 = 0; i < count; ++i) store<u8>(ptr + i, <u8>(word >> (8 * i)));
}
