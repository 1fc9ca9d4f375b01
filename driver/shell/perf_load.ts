/**
 * A load on a disk: keeps a number of requests in flight until so many have been sent or a time is
 * over, and counts what they took. As many as have come back together are sent together.
 *
 * Reads go over the whole disk, into buffers that they take in turn and share: nobody looks at what
 * is read. Writes stay in the scratch range, whose content is in memory, and write just
 * that content: the range is what it was at every moment, also when the machine is switched off.
 */
import { BlkDevice, QUEUE_SIZE_MAX } from "../blk/device";
import { awaitedCount } from "../blk/disks";
import { SECTOR_BYTES, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from "../blk/layout";
import { Owner, RequestTable, Run, Transfer } from "../blk/request";
import { place, reserve } from "../util/arena";
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
  private readBuffer: u32;
  private readBuffers: u32;
  /** Transfers that are planned and not sent, `plannedCount` of them from `plannedPtr` on. */
  private listPtr: usize;
  private plannedPtr: usize;
  private plannedCount: u32;
  /** What the histogram has not been told. */
  private tallyNs: u64;
  private tallyCount: u32;

  init(): void {
    this.histogram = place<Histogram>();
    this.histogram.init();
    this.listPtr = reserve(<usize>QUEUE_SIZE_MAX * offsetof<Transfer>(), 16);
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
    this.readBuffer = 0;
    this.readBuffers = plan.readBytes / plan.blockBytes;
    this.leftCount = plan.requestCount;
    this.plannedCount = 0;
    this.tallyCount = 0;
    disk.readClock();
    this.startNs = disk.nowNs;
    this.deadlineNs = this.startNs + plan.durationNs;
    this.send(plan.depth);
    disk.dispatch();
  }

  /**
   * One slice: whether all requests have come back and no more will be sent. What need not be done
   * between two requests is done here, while the device works.
   */
  isDone(): bool {
    if (this.plan.disk.nowNs >= this.deadlineNs) this.leftCount = 0;
    this.settle();
    if (this.plan.access != Access.MIXED && this.plannedCount < this.plan.depth) {
      this.planAhead(this.plan.access, this.plan.depth);
    }
    return this.inFlightCount == 0;
  }

  /** Requests that have to come back before the next ones are sent. */
  awaits(): i32 {
    return awaitedCount(this.plan.blockBytes);
  }

  /** Whether more will be sent. */
  isSending(): bool {
    return this.leftCount > 0;
  }

  /** Sends nothing more. */
  stop(): void {
    this.leftCount = 0;
  }

  /** From the first request to now, or to the end of the last one. At least 1. */
  elapsedNs(): u64 {
    return max<u64>(this.plan.disk.nowNs - this.startNs, 1);
  }

  completedRun(run: Run, requests: RequestTable, latencyNs: u64): void {
    requests.giveRun(run);
    this.inFlightCount -= run.count;
    this.requestsDone += run.count;
    this.settle();
    this.tallyNs = latencyNs;
    this.tallyCount = run.count;
    const isPlanned = this.plannedCount > 0 && this.leftCount > 0;
    if (run.count == 1 && isPlanned) this.sendPlanned();
    else this.send(run.count);
  }

  /** Sends the next transfer that has been planned: what a depth of one always does. */
  private sendPlanned(): void {
    const plan = this.plan;
    const transfer = changetype<Transfer>(this.plannedPtr);
    this.plannedPtr += offsetof<Transfer>();
    this.plannedCount -= 1;
    this.leftCount -= 1;
    const type = plan.access == Access.WRITE ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    const slot = plan.disk.submit(type, transfer.lba, transfer.dataPtr, plan.blockBytes, this);
    this.noteSent(slot >= 0 ? 1 : slot, type, transfer.lba);
  }

  private settle(): void {
    if (this.tallyCount == 0) return;
    this.histogram.add(this.tallyNs, this.tallyCount);
    this.tallyCount = 0;
  }

  /** Only a request that failed comes here: it ends the load. */
  completed(slot: i32, result: i32, latencyNs: u64): void {
    const request = this.plan.disk.requests.at(slot);
    this.inFlightCount -= 1;
    this.fail(result, request.type, request.lba);
  }

  private fail(error: i32, type: u32, lba: u64): void {
    this.leftCount = 0;
    if (this.error != E_OK) return;
    this.error = error;
    this.errorType = type;
    this.errorLba = lba;
  }

  /** Sends up to `count` requests, those of a type together. */
  private send(count: u32): void {
    let left = <u32>min<u64>(count, this.leftCount);
    this.leftCount -= left;
    if (this.plan.access != Access.MIXED) return this.sendAlike(this.plan.access, left);
    for (; left > 0; --left) {
      const isWrite = this.nextRandom() % 10 < WRITES_IN_TEN;
      this.sendAlike(isWrite ? Access.WRITE : Access.READ, 1);
    }
  }

  private sendAlike(access: Access, count: u32): void {
    if (count == 0) return;
    if (this.plannedCount < count) this.planAhead(access, count);
    const plan = this.plan;
    const disk = plan.disk;
    const type = access == Access.WRITE ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    const listPtr = this.plannedPtr;
    this.plannedPtr = listPtr + <usize>count * offsetof<Transfer>();
    this.plannedCount -= count;
    const sent = disk.submitMany(type, listPtr, count, plan.blockBytes, this);
    this.noteSent(sent, type, changetype<Transfer>(listPtr).lba);
  }

  /** `sent` requests are under way, or the one for `lba` was refused. */
  private noteSent(sent: i32, type: u32, lba: u64): void {
    if (sent > 0) this.inFlightCount += sent;
    // Somebody else uses slots of this disk: then there are fewer in flight
    else if (sent != E_BUSY || this.inFlightCount == 0) this.fail(sent, type, lba);
  }

  /** Has `count` transfers planned, those that are already first. */
  private planAhead(access: Access, count: u32): void {
    const listPtr = this.listPtr;
    const plannedBytes = <usize>this.plannedCount * offsetof<Transfer>();
    memory.copy(listPtr, this.plannedPtr, plannedBytes);
    const endPtr = listPtr + <usize>count * offsetof<Transfer>();
    const isWrite = access == Access.WRITE;
    for (let ptr = listPtr + plannedBytes; ptr != endPtr; ptr += offsetof<Transfer>()) {
      if (isWrite) this.planWrite(changetype<Transfer>(ptr));
      else this.planRead(changetype<Transfer>(ptr));
    }
    this.plannedPtr = listPtr;
    this.plannedCount = count;
  }

  private planRead(transfer: Transfer): void {
    const plan = this.plan;
    if (this.readBuffer == this.readBuffers) this.readBuffer = 0;
    transfer.lba = this.takeBlock(this.readBlocks) * (plan.blockBytes / SECTOR_BYTES);
    transfer.dataPtr = plan.readPtr + <usize>this.readBuffer * plan.blockBytes;
    this.readBuffer += 1;
  }

  private planWrite(transfer: Transfer): void {
    const plan = this.plan;
    const block = this.takeBlock(this.scratchBlocks);
    transfer.lba = plan.scratchLba + block * (plan.blockBytes / SECTOR_BYTES);
    transfer.dataPtr = plan.scratchPtr + <usize>block * plan.blockBytes;
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
