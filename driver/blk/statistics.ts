/**
 * What a disk has done: by type of request and by cause of failure, with a latency histogram in
 * powers of two.
 *
 * The histogram is the count: the operations of a type are the sum of its buckets. Completions come
 * in runs of the same type and bucket, and a run is added at once, which is what keeps the price of
 * statistics down.
 *
 * The numbers lie in the handover, so they go on when the driver is restarted.
 */
import { handoverDisk } from "../handover";
import { ERROR_COUNT } from "../util/errors";
import * as layout from "./layout";

/** Kinds of requests that are counted apart. */
export enum Kind {
  READ,
  WRITE,
  FLUSH,
  DISCARD,
  WRITE_ZEROES,
  SECURE_ERASE,
  OTHER,
}

export const KIND_COUNT: i32 = 7;

/** Bucket k counts latencies from 2^k ns up to, and without, 2^(k+1) ns. */
export const BUCKET_COUNT: i32 = 64;

/** What a driver before this one has counted is believed up to here. */
const COUNT_LIMIT: u64 = 1 << 56;

/** Numbers of a kind: its buckets, and behind them its bytes. */
const ROW_COUNT: i32 = BUCKET_COUNT + 1;

const ROWS_BYTES: usize = <usize>(KIND_COUNT * ROW_COUNT) * sizeof<u64>();
const ERRORS_BYTES: usize = <usize>(KIND_COUNT * ERROR_COUNT) * sizeof<u64>();

/** The numbers below, then these tables: a row for each kind, and by kind the errors. */
@unmanaged
export class Statistics {
  maxLatencyNs: u64;
  /** Chains beyond the first of their request. */
  splits: u64;
  recoveries: u64;
  /** Requests sent again after a recovery. */
  replays: u64;
  mostInFlight: u64;
  notificationsSent: u64;
  notificationsSuppressed: u64;

  /** The statistics of disk number `index`, from before a restart on. */
  static of(index: i32): Statistics {
    const statistics = changetype<Statistics>(handoverDisk(index, Statistics.lengthBytes()));
    if (!statistics.isPlausible()) statistics.clear();
    return statistics;
  }

  private static lengthBytes(): usize {
    return offsetof<Statistics>() + ROWS_BYTES + ERRORS_BYTES;
  }

  @inline
  private get rowsPtr(): usize {
    return changetype<usize>(this) + offsetof<Statistics>();
  }

  @inline
  private get errorsPtr(): usize {
    return this.rowsPtr + ROWS_BYTES;
  }

  /** Whether no number is one that nothing could have counted up to. */
  private isPlausible(): bool {
    const ptr = changetype<usize>(this);
    for (let at: usize = 0; at < Statistics.lengthBytes(); at += sizeof<u64>()) {
      if (load<u64>(ptr + at) >= COUNT_LIMIT) return false;
    }
    return true;
  }

  clear(): void {
    memory.fill(changetype<usize>(this), 0, Statistics.lengthBytes());
  }

  /**
   * Adds `count` requests of one kind that took about `latencyNs` each and moved `bytes` in all.
   */
  addRun(kind: Kind, latencyNs: u64, count: u64, bytes: u64): void {
    const row = <i32>kind * ROW_COUNT;
    add(this.rowsPtr, row + bucketOf(latencyNs), count);
    add(this.rowsPtr, row + BUCKET_COUNT, bytes);
    this.maxLatencyNs = max(this.maxLatencyNs, latencyNs);
  }

  /** As `addRun`, for one read or write: an inlined copy of it, and the price of a depth of one. */
  @inline
  addTransfer(type: u32, latencyNs: u64, bytes: u64): void {
    const rowPtr = changetype<usize>(this) + <usize>type * (<usize>ROW_COUNT * sizeof<u64>());
    const bytesOffset = offsetof<Statistics>() + <usize>BUCKET_COUNT * sizeof<u64>();
    store<u64>(rowPtr, load<u64>(rowPtr, bytesOffset) + bytes, bytesOffset);
    const bucketPtr = rowPtr - <usize>clz(latencyNs | 1) * sizeof<u64>(); // see bucketOf
    const lastOffset = bytesOffset - sizeof<u64>();
    store<u64>(bucketPtr, load<u64>(bucketPtr, lastOffset) + 1, lastOffset);
    if (latencyNs > this.maxLatencyNs) this.maxLatencyNs = latencyNs;
  }

  /** Adds a request of a kind that failed with `error`, a negative code. */
  addError(kind: Kind, error: i32): void {
    add(this.errorsPtr, <i32>kind * ERROR_COUNT - error, 1);
  }

  errorsOf(kind: Kind, error: i32): u64 {
    return at(this.errorsPtr, <i32>kind * ERROR_COUNT - error);
  }

  bytesOf(kind: Kind): u64 {
    return at(this.rowsPtr, <i32>kind * ROW_COUNT + BUCKET_COUNT);
  }

  inBucket(kind: Kind, bucket: i32): u64 {
    return at(this.rowsPtr, <i32>kind * ROW_COUNT + bucket);
  }

  operationsOf(kind: Kind): u64 {
    let count: u64 = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT; ++bucket) count += this.inBucket(kind, bucket);
    return count;
  }

  /**
   * Upper end of the bucket that the fastest `perMille` of a thousand requests of all kinds end in,
   * 0 when there are none.
   */
  latencyBelow(perMille: u64): u64 {
    let total: u64 = 0;
    for (let i = 0; i < KIND_COUNT; ++i) total += this.operationsOf(<Kind>i);
    const wanted = (total * perMille + 999) / 1000;
    let count: u64 = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT && total > 0; ++bucket) {
      for (let i = 0; i < KIND_COUNT; ++i) count += this.inBucket(<Kind>i, bucket);
      if (count >= wanted) return min((<u64>2) << bucket, this.maxLatencyNs);
    }
    return 0;
  }
}

/** Entry `index` of a table. */
function at(tablePtr: usize, index: i32): u64 {
  return load<u64>(tablePtr + <usize>index * sizeof<u64>());
}

function add(tablePtr: usize, index: i32, count: u64): void {
  const ptr = tablePtr + <usize>index * sizeof<u64>();
  store<u64>(ptr, load<u64>(ptr) + count);
}

/** The bucket of a latency. */
function bucketOf(latencyNs: u64): i32 {
  return 63 - <i32>clz(latencyNs | 1);
}

/** How a request of this type is counted. */
export function kindOf(type: u32): Kind {
  switch (type) {
    case layout.VIRTIO_BLK_T_IN:
      return Kind.READ;
    case layout.VIRTIO_BLK_T_OUT:
      return Kind.WRITE;
    case layout.VIRTIO_BLK_T_FLUSH:
      return Kind.FLUSH;
    case layout.VIRTIO_BLK_T_DISCARD:
      return Kind.DISCARD;
    case layout.VIRTIO_BLK_T_WRITE_ZEROES:
      return Kind.WRITE_ZEROES;
    case layout.VIRTIO_BLK_T_SECURE_ERASE:
      return Kind.SECURE_ERASE;
    default:
      return Kind.OTHER;
  }
}
