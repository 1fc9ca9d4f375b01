/**
 * What a disk has done: by type of request and by cause of failure, with a latency histogram in
 * powers of two.
 *
 * The histogram is the count: the operations of a type are the sum of its buckets. Completions come
 * in runs of the same type and bucket, and a run is added at once, which is what keeps the price of
 * statistics down.
 */
import { placeArray } from "../util/arena";
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

export class Statistics {
  private buckets!: StaticArray<u64>;
  private kindBytes!: StaticArray<u64>;
  private errors!: StaticArray<u64>;
  maxLatencyNs: u64;
  /** Chains beyond the first of their request. */
  splits: u64;
  recoveries: u64;
  /** Requests sent again after a recovery. */
  replays: u64;
  mostInFlight: u32;

  init(): void {
    this.buckets = placeArray<u64>(KIND_COUNT * BUCKET_COUNT);
    this.kindBytes = placeArray<u64>(KIND_COUNT);
    this.errors = placeArray<u64>(KIND_COUNT * ERROR_COUNT);
  }

  clear(): void {
    for (let i = 0; i < KIND_COUNT * BUCKET_COUNT; ++i) this.buckets[i] = 0;
    for (let i = 0; i < KIND_COUNT; ++i) this.kindBytes[i] = 0;
    for (let i = 0; i < KIND_COUNT * ERROR_COUNT; ++i) this.errors[i] = 0;
    this.maxLatencyNs = 0;
    this.splits = 0;
    this.recoveries = 0;
    this.replays = 0;
    this.mostInFlight = 0;
  }

  /**
   * Adds `count` requests of one kind that took about `latencyNs` each and moved `bytes` in all.
   */
  addRun(kind: Kind, latencyNs: u64, count: u64, bytes: u64): void {
    const bucket = <i32>kind * BUCKET_COUNT + bucketOf(latencyNs);
    unchecked((this.buckets[bucket] += count));
    unchecked((this.kindBytes[<i32>kind] += bytes));
    this.maxLatencyNs = max(this.maxLatencyNs, latencyNs);
  }

  /** Adds a request of a kind that failed with `error`, a negative code. */
  addError(kind: Kind, error: i32): void {
    this.errors[<i32>kind * ERROR_COUNT - error] += 1;
  }

  errorsOf(kind: Kind, error: i32): u64 {
    return this.errors[<i32>kind * ERROR_COUNT - error];
  }

  bytesOf(kind: Kind): u64 {
    return this.kindBytes[<i32>kind];
  }

  inBucket(kind: Kind, bucket: i32): u64 {
    return this.buckets[<i32>kind * BUCKET_COUNT + bucket];
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
