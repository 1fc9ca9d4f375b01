/**
 * What a request costs the guest: submitting (the list of transfers is the caller's and made
 * before), dispatching and completing, each between two looks at the clock. Under `-icount shift=0`
 * the clock counts instructions; without it these are times.
 *
 * Requests of a batch are waited for together, as the loads of blkperf do. Waiting does not count;
 * what it takes to ask for an interrupt, and to acknowledge it, is measured apart. The price of
 * looking at the clock is measured first and taken off. The clock has steps of 100 ns, which even
 * out over thousands of requests.
 */
import { BlkDevice } from "../blk/device";
import { awaitDisks, endAwaiting } from "../blk/disks";
import { SECTOR_BYTES, VIRTIO_BLK_T_IN } from "../blk/layout";
import { Owner, RequestTable, Run, Transfer } from "../blk/request";
import * as host from "../host";
import { reserve } from "../util/arena";
import { E_OK } from "../util/errors";

const CALIBRATION_COUNT: i32 = 1000;

const REQUEST_COUNT: u32 = 4096;

/** Looks at the ring in one slice, so that Ctrl-C is seen while a device is slow. */
const LOOKS_PER_SLICE: i32 = 10_000;

export class Meter extends Owner {
  depth: u32;
  blockBytes: u32;
  /** Nanoseconds in all, and the requests that they were for. */
  submitNs: u64;
  dispatchNs: u64;
  completeNs: u64;
  sentCount: u32;
  awaitNs: u64;
  awaitCount: u32;
  /** Requests that ended in a measured poll, and those polls. */
  doneCount: u32;
  pollCount: u32;
  error: i32;

  private disk!: BlkDevice;
  private dataPtr: usize;
  private listPtr: usize;
  private inFlightCount: u32;
  private endedCount: u32;
  private leftCount: u32;
  /** What two looks at the clock with nothing between them are apart, a thousand times. */
  private clockNs: u64;

  /** Starts over with `depth` requests at a time, of one block into memory at `dataPtr`. */
  begin(disk: BlkDevice, depth: u32, blockBytes: u32, dataPtr: usize): void {
    this.disk = disk;
    this.depth = depth;
    this.blockBytes = blockBytes;
    this.dataPtr = dataPtr;
    this.submitNs = 0;
    this.dispatchNs = 0;
    this.completeNs = 0;
    this.sentCount = 0;
    this.doneCount = 0;
    this.pollCount = 0;
    this.awaitNs = 0;
    this.awaitCount = 0;
    this.leftCount = REQUEST_COUNT;
    this.error = E_OK;
    this.clockNs = calibrate();
  }

  /** One slice, about a batch of requests. Whether all of it is done. */
  isDone(): bool {
    if (this.inFlightCount == 0) {
      if (this.leftCount == 0) return true;
      this.sendBatch();
      const startNs = host.clockNs();
      awaitDisks(this.depth);
      this.noteAwaiting(startNs);
    }
    if (this.isBack()) this.take();
    return false;
  }

  /** What is done instead of sleeping has been done since `startNs`. */
  private noteAwaiting(startNs: u64): void {
    this.awaitNs += host.clockNs() - startNs;
    this.awaitCount += 1;
  }

  /** Waits a while. Whether all of the batch has come back, or something that makes no sense. */
  private isBack(): bool {
    const queue = this.disk.queue;
    for (let look = 0; look < LOOKS_PER_SLICE; ++look) {
      const count = queue.usedCount();
      if (count < 0 || <u32>count >= this.inFlightCount) return true;
    }
    return false;
  }

  /** Sends nothing more. */
  stop(): void {
    this.leftCount = 0;
  }

  init(): void {
    this.listPtr = reserve(32 * offsetof<Transfer>(), 16);
  }

  completedRun(run: Run, requests: RequestTable, latencyNs: u64): void {
    requests.giveRun(run);
    this.inFlightCount -= run.count;
    this.endedCount += run.count;
  }

  completed(slot: i32, result: i32, latencyNs: u64): void {
    this.inFlightCount -= 1;
    this.endedCount += 1;
    if (result != E_OK) this.fail(result);
  }

  private fail(error: i32): void {
    this.error = error;
    this.leftCount = 0;
  }

  private sendBatch(): void {
    const disk = this.disk;
    const sectors = this.blockBytes / SECTOR_BYTES;
    const lastLba = disk.config.capacitySectors - sectors;
    let lba: u64 = 0;
    const stepSectors = <u64>(2 * sectors);
    const depth = this.depth;
    const listPtr = this.listPtr;
    const dataPtr = this.dataPtr;
    const endPtr = listPtr + <usize>depth * offsetof<Transfer>();
    for (let ptr = listPtr; ptr != endPtr; ptr += offsetof<Transfer>()) {
      changetype<Transfer>(ptr).lba = lba;
      changetype<Transfer>(ptr).dataPtr = dataPtr;
      lba += stepSectors;
    }
    const startNs = host.clockNs();
    const sent = disk.submitMany(VIRTIO_BLK_T_IN, listPtr, depth, this.blockBytes, this);
    if (sent != depth) return this.fail(min(sent, -1));
    this.inFlightCount = depth;
    const submittedNs = host.clockNs();
    disk.dispatch();
    this.dispatchNs += host.clockNs() - submittedNs;
    this.submitNs += submittedNs - startNs;
    this.sentCount += this.depth;
    this.leftCount -= min(this.depth, this.leftCount);
  }

  private take(): void {
    const endedBefore = this.endedCount;
    const wokenNs = host.clockNs();
    endAwaiting();
    this.noteAwaiting(wokenNs);
    const startNs = host.clockNs();
    this.disk.poll();
    const takenNs = host.clockNs() - startNs;
    if (this.endedCount == endedBefore) return;
    this.completeNs += takenNs;
    this.doneCount += this.endedCount - endedBefore;
    this.pollCount += 1;
  }

  /** A tenth of a nanosecond: `totalNs` for `count` requests, without `pairs` pairs of looks. */
  perRequest10(totalNs: u64, count: u32, pairs: u32): u64 {
    const clockNs = (this.clockNs * pairs) / <u64>CALIBRATION_COUNT;
    return count == 0 || totalNs < clockNs ? 0 : ((totalNs - clockNs) * 10) / count;
  }

  /** Batches that have been sent. */
  batchCount(): u32 {
    return this.sentCount / this.depth;
  }
}

function calibrate(): u64 {
  let sumNs: u64 = 0;
  for (let i = 0; i < CALIBRATION_COUNT; ++i) {
    const startNs = host.clockNs();
    sumNs += host.clockNs() - startNs;
  }
  return sumNs;
}
