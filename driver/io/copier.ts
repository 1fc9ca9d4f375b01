/**
 * Copies a stream of bytes from a source to a sink, in pieces, up to PIECE_COUNT at a time:
 *
 *   READING -> READY -> WRITING -> DONE     each piece by itself, taken out in order
 *        \________\________________> DROPPED   when the copy has ended before it
 *
 * Pieces end where a block of the sink ends, so that no two of them write to the same block. A copy
 * within one disk to a lower place waits with writing a piece until all pieces before it have been
 * read; one to a higher place within its own source is refused by `overlaps`.
 *
 * The memory is the caller's, an equal part of it for each piece, which the disks own until `go`
 * has returned something other than PENDING.
 */
import * as host from "../host";
import { awaitedCount } from "../blk/disks";
import { place, placeArray } from "../util/arena";
import * as err from "../util/errors";
import { ByteIo } from "./byte_io";
import { ENDLESS, Piece, PieceState, Sink, Source } from "./stream";

/** Pieces at a time, a power of two. */
const PIECE_COUNT: u32 = 8;

/** Least memory of a piece: its data, once or twice, and behind it a bounce block. */
const STRIDE_BYTES_MIN: u32 = 512 << 10;

/** Data buffers are a multiple of this. */
const GRAIN_BYTES: u32 = 64 << 10;

export class Copier {
  // Set by the caller before `begin`
  source!: Source;
  sink!: Sink;
  sourceStart: u64;
  sinkStart: u64;
  /** Length of the stream, or ENDLESS, and what of it comes from the source. */
  lengthBytes: u64;
  sourceBytes: u64;
  /** Pieces are no longer than this, or than a block. */
  recordBytes: u64;
  /** Whether a piece that cannot be read is passed over, and whether zeros take its place. */
  skipsErrors: bool;
  fillsErrors: bool;
  /** Whether the sink needs the second buffer of a piece. */
  needsOther: bool;

  /** What has come out in order: bytes taken from the source and given to the sink. */
  inBytes: u64;
  outBytes: u64;
  /** The same and what has failed: the place in the stream. */
  doneBytes: u64;
  failedCount: u64;
  startNs: u64;
  nowNs: u64;
  /** After a failure that ended the copy: whether writing has failed, and where on its end. */
  isWriteError: bool;
  /** Whether all was copied, and only the end of the sink has failed. */
  isEndError: bool;
  errorOffset: u64;
  errorPiece!: Piece;

  private pieces!: StaticArray<Piece>;
  private pieceBytes: u32;
  private alignBytes: u64;
  private alignStart: u64;
  private isInPlaceOrder: bool;
  /** Pieces from `head` to `tail`, free-running, are on their way. */
  private head: u32;
  private tail: u32;
  private nextOffset: u64;
  private error: i32;
  private isStopping: bool;
  private isCut: bool;
  private isEnding: bool;

  /** Places the pieces. Called once. */
  init(): void {
    this.pieces = placeArray<Piece>(PIECE_COUNT);
    for (let i = 0; i < <i32>PIECE_COUNT; ++i) {
      const piece = place<Piece>();
      piece.io = place<ByteIo>();
      this.pieces[i] = piece;
    }
  }

  /**
   * A plain copy of `lengthBytes` bytes from `sourceStart` to `sinkStart` in pieces of
   * `pieceBytes`, which ends at the first failure.
   */
  plan(sourceStart: u64, sinkStart: u64, lengthBytes: u64, pieceBytes: u64): void {
    this.sourceStart = sourceStart;
    this.sinkStart = sinkStart;
    this.lengthBytes = lengthBytes;
    this.sourceBytes = lengthBytes;
    this.recordBytes = pieceBytes;
    this.skipsErrors = false;
    this.fillsErrors = false;
    this.needsOther = false;
  }

  /** Starts over. `go` is called from then on. */
  begin(memoryPtr: usize, memoryBytes: usize): void {
    const strideBytes = (<u32>(memoryBytes / PIECE_COUNT)) & ~(GRAIN_BYTES - 1);
    assert(strideBytes >= STRIDE_BYTES_MIN, "the memory is too small");
    this.inBytes = 0;
    this.outBytes = 0;
    this.doneBytes = 0;
    this.failedCount = 0;
    this.nextOffset = 0;
    this.error = err.E_OK;
    this.isWriteError = false;
    this.isEndError = false;
    this.isStopping = false;
    this.isCut = false;
    this.isEnding = false;
    this.head = 0;
    this.tail = 0;
    this.isInPlaceOrder = this.source.disk() != null && this.source.disk() == this.sink.disk();
    this.layOut(memoryPtr, strideBytes);
    this.startNs = host.clockNs();
    this.nowNs = this.startNs;
  }

  /** Divides the memory, and finds how long pieces are and where they end. */
  private layOut(memoryPtr: usize, strideBytes: u32): void {
    const sourceBlock = this.source.blockBytes();
    const sinkBlock = this.sink.blockBytes();
    const rest = strideBytes - max(sourceBlock, sinkBlock);
    const bufferMax = (this.needsOther ? rest / 2 : rest) & ~(GRAIN_BYTES - 1);
    for (let i = 0; i < <i32>PIECE_COUNT; ++i) {
      const piece = this.pieces[i];
      piece.ptr = memoryPtr + <usize>i * strideBytes;
      piece.otherPtr = piece.ptr + bufferMax;
      piece.filledBytes = 0;
      piece.io.lendBounce(piece.ptr + <usize>rest);
    }
    this.alignBytes = sinkBlock > 1 ? sinkBlock : sourceBlock;
    this.alignStart = sinkBlock > 1 ? this.sinkStart : this.sourceStart;
    const wanted = min(this.recordBytes, <u64>bufferMax);
    this.pieceBytes = <u32>max(wanted - (wanted % this.alignBytes), this.alignBytes);
  }

  /** Whether the copy would write over what it has yet to read. */
  overlaps(): bool {
    const disk = this.source.disk();
    if (!disk || disk != this.sink.disk()) return false;
    const from = this.source.diskOffset() + this.sourceStart;
    return this.sinkStart > from && this.sinkStart - from < this.sourceBytes;
  }

  /** Ctrl-C: starts nothing more. `go` is still called until all that is in flight is back. */
  stop(): void {
    if (this.isStopping || this.isEnding) return;
    this.isStopping = true;
    this.error = err.E_INTERRUPTED;
    this.cancel(PieceState.READING);
    this.cancel(PieceState.WRITING);
  }

  private cancel(state: PieceState): void {
    for (let at = this.head; at != this.tail; ++at) {
      const piece = this.pieceAt(at);
      if (piece.state == state) piece.io.cancel();
    }
  }

  /** One slice. PENDING, then E_OK, E_INTERRUPTED or the error that ended the copy. */
  go(): i32 {
    this.nowNs = host.clockNs();
    if (!this.isEnding) {
      this.startPieces();
      this.goOn();
      this.retire();
      if (this.head != this.tail) return err.PENDING;
      if (this.isStopping) return this.error;
      if (this.nextOffset < this.lengthBytes) return err.PENDING;
      this.isEnding = true;
    }
    const result = this.sink.end();
    if (result == err.PENDING) return result;
    this.nowNs = host.clockNs();
    this.isEndError = result != err.E_OK;
    return result;
  }

  /**
   * After PENDING: 0 when there is work to do at once, otherwise how many requests are best waited
   * for.
   */
  awaits(): i32 {
    let isWaiting = false;
    for (let at = this.head; at != this.tail; ++at) {
      const piece = this.pieceAt(at);
      if (piece.state != PieceState.READING && piece.state != PieceState.WRITING) continue;
      if (!piece.io.isInFlight()) return 0;
      isWaiting = true;
    }
    return isWaiting ? awaitedCount(this.pieceBytes) : 0;
  }

  /**
   * The piece that could not be read and is next in order, until `passFailure`; null while there is
   * none.
   */
  failure(): Piece | null {
    if (this.head == this.tail) return null;
    const piece = this.pieceAt(this.head);
    return piece.state == PieceState.DONE && piece.readError != err.E_OK ? piece : null;
  }

  /** The failure has been reported. */
  passFailure(): void {
    this.pieceAt(this.head).readError = err.E_OK;
  }

  private pieceAt(at: u32): Piece {
    return this.pieces[<i32>(at & (PIECE_COUNT - 1))];
  }

  private startPieces(): void {
    while (!this.isStopping && this.nextOffset < this.lengthBytes) {
      if (this.tail - this.head == PIECE_COUNT) return;
      const piece = this.pieceAt(this.tail++);
      const offset = this.nextOffset;
      const end = this.alignStart + offset + this.pieceBytes;
      const aligned = end - (end % this.alignBytes) - this.alignStart;
      this.nextOffset = min(aligned, this.lengthBytes);
      piece.offset = offset;
      piece.lengthBytes = <u32>(this.nextOffset - offset);
      const left = offset < this.sourceBytes ? this.sourceBytes - offset : 0;
      piece.sourceBytes = <u32>min<u64>(left, piece.lengthBytes);
      piece.doneBytes = 0;
      piece.readError = err.E_OK;
      piece.state = PieceState.READING;
      const isOurs = piece.sourceBytes > 0;
      const result = isOurs ? this.source.begin(piece, this.sourceStart + offset) : err.E_OK;
      if (result != err.PENDING) this.endRead(piece, result);
    }
  }

  /** Goes on with every piece, the first one first. */
  private goOn(): void {
    let isReadBefore = true;
    let isDoneBefore = true;
    for (let at = this.head; at != this.tail; ++at) {
      const piece = this.pieceAt(at);
      if (piece.state == PieceState.READING) {
        const result = this.source.go(piece);
        if (result != err.PENDING) this.endRead(piece, result);
      }
      if (piece.state == PieceState.READY) {
        const isFree = this.isInPlaceOrder ? isReadBefore : !this.sink.isOrdered() || isDoneBefore;
        if (this.isStopping) piece.state = PieceState.DROPPED;
        else if (isFree) this.beginWrite(piece);
      } else if (piece.state == PieceState.WRITING) {
        this.endWrite(piece, this.sink.go(piece));
      }
      if (piece.state == PieceState.READING) isReadBefore = false;
      if (piece.state < PieceState.DONE) isDoneBefore = false;
    }
  }

  private beginWrite(piece: Piece): void {
    piece.doneBytes = 0;
    piece.state = PieceState.WRITING;
    this.endWrite(piece, this.sink.begin(piece, this.sinkStart + piece.offset));
  }

  private endRead(piece: Piece, result: i32): void {
    piece.state = PieceState.READY;
    if (this.isStopping) {
      piece.state = PieceState.DROPPED;
    } else if (result != err.E_OK) {
      this.failRead(piece, result);
    } else if (piece.sourceBytes < piece.lengthBytes) {
      const restPtr = piece.ptr + piece.sourceBytes;
      piece.filledBytes = 0;
      memory.fill(restPtr, 0, piece.lengthBytes - piece.sourceBytes);
    }
  }

  private failRead(piece: Piece, error: i32): void {
    const disk = this.source.disk();
    if (!this.skipsErrors || (disk && disk.health != err.E_OK)) {
      piece.state = PieceState.DROPPED;
      return this.fail(piece, error, false);
    }
    piece.readError = error;
    piece.readErrorOffset = piece.io.failedOffset();
    piece.sourceBytes = 0;
    if (this.fillsErrors) memory.fill(piece.ptr, 0, piece.lengthBytes);
    else piece.state = PieceState.DONE;
    this.failedCount += 1;
  }

  private endWrite(piece: Piece, result: i32): void {
    if (result == err.PENDING) return;
    piece.state = PieceState.DONE;
    if (result == err.E_OK) return;
    piece.state = PieceState.DROPPED;
    this.fail(piece, result, true);
  }

  /** The first failure ends the copy. */
  private fail(failed: Piece, error: i32, isWrite: bool): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.error = error;
    this.isWriteError = isWrite;
    this.errorOffset = failed.io.failedOffset();
    this.errorPiece = failed;
    this.cancel(PieceState.READING);
  }

  /** Takes out what is done, in order, and counts it up to the first piece that is not. */
  private retire(): void {
    for (; this.head != this.tail; this.head += 1) {
      const piece = this.pieceAt(this.head);
      if (piece.state < PieceState.DONE || this.failure()) return;
      if (piece.state == PieceState.DROPPED) this.isCut = true;
      if (this.isCut) continue;
      const isLeftOut = piece.sourceBytes == 0 && this.skipsErrors && !this.fillsErrors;
      this.inBytes += piece.sourceBytes;
      if (!isLeftOut) this.outBytes += piece.lengthBytes;
      this.doneBytes += piece.lengthBytes;
    }
  }

  /** Length of the whole stream in the units of `doneBytes`, or 0 when it has no end. */
  totalBytes(): u64 {
    return this.lengthBytes == ENDLESS ? 0 : this.lengthBytes;
  }

  /** At least 1. */
  elapsedNs(): u64 {
    return max<u64>(this.nowNs - this.startNs, 1);
  }
}
