/**
 * Latencies, counted in buckets that are at most a sixteenth wide: 16 of them for each power of
 * two, so that a percentile is at most 6.25 % too high, whatever its size.
 */
import { placeArray } from "../util/arena";

const SUB_BITS: i32 = 4;
const SUB_COUNT: i32 = 1 << SUB_BITS;
/** One group for the values below SUB_COUNT, one for each power of two from there on. */
const BUCKET_COUNT: i32 = (65 - SUB_BITS) * SUB_COUNT;

export class Histogram {
  maxNs: u64;
  private total: u64;
  private counts!: StaticArray<u64>;

  init(): void {
    this.counts = placeArray<u64>(BUCKET_COUNT);
  }

  clear(): void {
    this.total = 0;
    this.maxNs = 0;
    for (let i = 0; i < BUCKET_COUNT; ++i) this.counts[i] = 0;
  }

  /** Adds `count` latencies. */
  add(latencyNs: u64, count: u32): void {
    const bucket = bucketOf(latencyNs);
    unchecked((this.counts[bucket] += count));
    this.total += count;
    if (latencyNs > this.maxNs) this.maxNs = latencyNs;
  }

  /** What `perMille` of a thousand latencies are not above, 0 when there are none. */
  latencyBelow(perMille: u64): u64 {
    const wanted = (this.total * perMille + 999) / 1000;
    let count: u64 = 0;
    for (let bucket = 0; bucket < BUCKET_COUNT && this.total > 0; ++bucket) {
      count += this.counts[bucket];
      if (count >= wanted) return min(lastOf(bucket), this.maxNs);
    }
    return 0;
  }
}

function bucketOf(value: u64): i32 {
  if (value < <u64>SUB_COUNT) return <i32>value;
  const shift = 63 - <i32>clz(value) - SUB_BITS;
  return shift * SUB_COUNT + <i32>(value >> shift);
}

/** The largest value that is counted in `bucket`. */
function lastOf(bucket: i32): u64 {
  if (bucket < 2 * SUB_COUNT) return <u64>bucket;
  const shift = bucket / SUB_COUNT - 1;
  return (((<u64>(bucket % SUB_COUNT) + SUB_COUNT + 1) << shift) as u64) - 1;
}
