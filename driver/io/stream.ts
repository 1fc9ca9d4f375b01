/**
 * Where a copy comes from and where it goes: what a source and a sink are to the copier.
 *
 * Neither waits. `begin` starts with a piece and `go` goes on with it, in every slice, until the
 * result is not PENDING. Memory of the piece belongs to them in between.
 */
import { BlkDevice } from "../blk/device";
import { E_OK } from "../util/errors";
import { ByteIo } from "./byte_io";

/** Size of a source or a sink that has no end. */
export const ENDLESS: u64 = u64.MAX_VALUE;

/** What a source or a sink that computes does to a piece at a time, so that a slice is short. */
export const QUANTUM_BYTES: u32 = 32 << 10;

export enum PieceState {
  READING,
  READY,
  WRITING,
  DONE,
  /** Given up: the copy has ended before it. */
  DROPPED,
}

/** A piece of the stream on its way from the source to the sink. */
export class Piece {
  state: PieceState;
  io!: ByteIo;
  ptr: usize;
  /** A second buffer of the same size, for a sink that needs one. */
  otherPtr: usize;
  /** Place in the stream, and what of it comes from the source; zeros fill up the rest. */
  offset: u64;
  lengthBytes: u32;
  sourceBytes: u32;
  /** How far a source or a sink that computes has come. */
  doneBytes: u32;
  /** Why the source could not deliver, and where on it, when that does not end the copy. */
  readError: i32;
  readErrorOffset: u64;
  /** How much of the buffer a source has filled that fills it the same each time. */
  filledBytes: u32;
  /** Whether the second one of two sources is being read. */
  isSecond: bool;
}

/** What both ends of a copy are. */
abstract class End {
  /** Bytes that it has, or ENDLESS; of a source once it is ready. */
  abstract sizeBytes(): u64;

  /** Goes on with a piece. */
  abstract go(piece: Piece): i32;

  /** The disk that it is on, if it is on one. */
  disk(): BlkDevice | null {
    return null;
  }

  /** Pieces best begin at multiples of this. */
  blockBytes(): u32 {
    const disk = this.disk();
    return disk ? disk.config.blockBytes : 1;
  }
}

export abstract class Source extends End {
  /**
   * Before anything else is asked, until not PENDING: finds what the source has. Memory at `ptr` of
   * the size of the largest value is lent until then.
   */
  prepare(ptr: usize): i32 {
    return E_OK;
  }

  /** Where on its disk the source begins, in bytes. */
  diskOffset(): u64 {
    return 0;
  }

  /** Starts to bring `sourceBytes` of the piece, from `offset` on. */
  abstract begin(piece: Piece, offset: u64): i32;
}

export abstract class Sink extends End {
  /** Starts to take the whole piece, to `offset`. */
  abstract begin(piece: Piece, offset: u64): i32;

  /** Whether pieces must come in order, one after the other. */
  isOrdered(): bool {
    return false;
  }

  /** After the last piece, until not PENDING. */
  end(): i32 {
    return E_OK;
  }
}

/** A sink without an end that takes pieces in order, a part of one in each slice. */
export abstract class OrderedSink extends Sink {
  sizeBytes(): u64 {
    return ENDLESS;
  }

  isOrdered(): bool {
    return true;
  }

  begin(piece: Piece, offset: u64): i32 {
    return this.go(piece);
  }
}
