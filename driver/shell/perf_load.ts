/**
 * A load on a disk: keeps a number of requests in flight until so many have been sent or a time is
 * over, and counts what they took. Each completed request sends the next one, from the same slot.
 *
 * Reads go over the whole disk, into buffers that are shared when there are fewer of them than
 * requests in flight. Writes stay in the scratch range, whose content is in memory, and write just
 * that content: the range is what it was at every moment, also when the machine is switched off.
 */
import { BlkDevice, QUEUE_SIZE_MAX } from "../blk/device";
import { SECTOR_BYTES, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from "../blk/layout";
import { Owner } from "../blk/request";
import { place, placeArray } from "../util/arena";
import { E_BUSY, E_OK } from "../util/errors";
import { Histogram } from "./perf_histogram";

export enum Access {
  READ,
  WRITE,
  /** 70 % reads, 30 % writes. */
  MIXED,
}

const WRITES_IN_TEN: u64 = 3;

const RANDOM_SEED: u64 = 0x9e3779b97f4a7c15;

/** What a load does, and the memory that it does it with. */
export class Plan {
  disk!: BlkDevice;
  access: Access;
  isRandom: bool;
  blockBytes: u32;
  depth: u32;
  /** Requests to send, and how long to go on. */
  requestCount: u64;
  durationNs: u64;
  /** Buffers for reads. */
  readPtr: usize;
  readBytes: u32;
  /** The scratch range and its content. */
  scratchLba: u64;
  scratchPtr: usize;
  scratchBytes: u32;

  /** Buffers that reads share. */
  readBuffers(): u32 {
    return min(this.depth, this.readBytes / this.blockBytes);
  }
}

export class Load extends Owner {
  histogram!: Histogram;
  requestsDone: u64;
  startNs: u64;
  /** E_OK, or how the first request that failed has ended, and which one it was. */
  error: i32;
  errorType: u32;
  errorLba: u64;

  private plan!: Plan;
  private inFlightCount: u32;
  private leftCount: u64;
  private deadlineNs: u64;
  private readBlocks: u64;
  private scratchBlocks: u64;
  private nextBlock: u64;
  private random: u64;
  /** By slot: the buffer for reads, and the request. */
  private readPtrs!: StaticArray<usize>;
  private lbas!: StaticArray<u64>;
  private types!: StaticArray<u32>;

  init(): void {
    this.histogram = place<Histogram>();
    this.histogram.init();
    this.readPtrs = placeArray<usize>(QUEUE_SIZE_MAX);
    this.lbas = placeArray<u64>(QUEUE_SIZE_MAX);
    this.types = placeArray<u32>(QUEUE_SIZE_MAX);
  }

  /** Sends the first requests. `isDone` tells when the last one has come back. */
  begin(plan: Plan): void {
    const disk = plan.disk;
    this.plan = plan;
    this.histogram.clear();
    this.requestsDone = 0;
    this.error = E_OK;
    this.readBlocks = disk.config.capacitySectors / (plan.blockBytes / SECTOR_BYTES);
    this.scratchBlocks = plan.scratchBytes / plan.blockBytes;
    this.nextBlock = 0;
    this.random = RANDOM_SEED;
    this.leftCount = plan.requestCount;
    disk.readClock();
    this.startNs = disk.nowNs;
    this.deadlineNs = this.startNs + plan.durationNs;
    const buffers = plan.readBuffers();
    for (let i: u32 = 0; i < plan.depth; ++i) {
      this.sendNext(plan.readPtr + <usize>(i % buffers) * plan.blockBytes);
    }
    disk.dispatch();
  }

  /** One slice: whether all requests have come back and no more will be sent. */
  isDone(): bool {
    if (this.plan.disk.nowNs >= this.deadlineNs) this.leftCount = 0;
    return this.inFlightCount == 0;
  }

  /** Sends nothing more. */
  stop(): void {
    this.leftCount = 0;
  }

  /** From the first request to now, or to the end of the last one. At least 1. */
  elapsedNs(): u64 {
    return max<u64>(this.plan.disk.nowNs - this.startNs, 1);
  }

  completed(slot: i32, result: i32, latencyNs: u64): void {
    this.inFlightCount -= 1;
    if (result != E_OK) return this.fail(result, this.types[slot], this.lbas[slot]);
    this.histogram.add(latencyNs);
    this.requestsDone += 1;
    this.sendNext(unchecked(this.readPtrs[slot]));
  }

  /** The first failure ends the load. */
  private fail(error: i32, type: u32, lba: u64): void {
    this.leftCount = 0;
    if (this.error != E_OK) return;
    this.error = error;
    this.errorType = type;
    this.errorLba = lba;
  }

  private sendNext(readPtr: usize): void {
    if (this.leftCount == 0) return;
    this.leftCount -= 1;
    const plan = this.plan;
    const isWrite =
      plan.access != Access.READ &&
      (plan.access == Access.WRITE || this.nextRandom() % 10 < WRITES_IN_TEN);
    const block = this.takeBlock(isWrite ? this.scratchBlocks : this.readBlocks);
    const type = isWrite ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    let lba = block * (plan.blockBytes / SECTOR_BYTES);
    if (isWrite) lba += plan.scratchLba;
    const dataPtr = isWrite ? plan.scratchPtr + <usize>block * plan.blockBytes : readPtr;
    const slot = plan.disk.submit(type, lba, dataPtr, plan.blockBytes, this);
    if (slot < 0) {
      // Somebody else uses slots of this disk: then there are fewer in flight
      if (slot != E_BUSY || this.inFlightCount == 0) this.fail(slot, type, lba);
      return;
    }
    this.inFlightCount += 1;
    unchecked((this.readPtrs[slot] = readPtr));
    unchecked((this.lbas[slot] = lba));
    unchecked((this.types[slot] = type));
  }

  /** The next block of so many, in a row or anywhere. */
  private takeBlock(blockCount: u64): u64 {
    if (this.plan.isRandom) return this.nextRandom() % blockCount;
    if (this.nextBlock >= blockCount) this.nextBlock = 0;
    return this.nextBlock++;
  }

  /** Xorshift: the same sequence in every run. */
  private nextRandom(): u64 {
    let random = this.random;
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    this.random = random;
    return random;
  }
}
