/**
 * One virtio block device (§5.2): brings it up, sends requests, takes completions.
 *
 * Nothing here waits: `submit` puts a request into the ring, `dispatch` shows all of them to the
 * device with one notification, `poll` takes what is done and tells the owners. The device is not
 * believed: used entries are checked by the queue, the status byte here, the clock bounds every
 * request. What it does wrong is mended in recovery.ts.
 */
import * as host from "../host";
import { physOf } from "../dma";
import { place, reserve } from "../util/arena";
import * as err from "../util/errors";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC } from "../virtio/layout";
import { VirtioDriver, negotiate } from "../virtio/negotiate";
import { QUEUE_SIZE_LIMIT, Virtqueue, moveData } from "../virtio/queue";
import { Transport } from "../virtio/transport";
import { checkBuffers, checkSpecial, isMemory } from "./checks";
import { completeUsed } from "./completion";
import { BLOCK_BYTES_MAX, BlkConfig, REQUEST_BYTES_MAX } from "./config";
import { checkHealth } from "./health";
import * as layout from "./layout";
import { Recovery } from "./recovery";
import { DiskObserver } from "./observer";
import { Buffer, Owner, Request, RequestTable, Transfer } from "./request";
import { fitsChains } from "./segments";
import { makeReady, sendNext, sendReady } from "./sending";
import { Statistics } from "./statistics";

/** The device's only queue (§5.2.2). */
export const REQUEST_QUEUE: u32 = 0;

/** A request needs three descriptors, so a queue of two is of no use. */
export const QUEUE_SIZE_MIN: u32 = 4;
export const QUEUE_SIZE_MAX: u32 = QUEUE_SIZE_LIMIT;

/** How long a request may take, unless `timeout` says otherwise. */
const REQUEST_TIMEOUT_NS: u64 = 5_000_000_000;

/** What the user has chosen of the write cache: nothing, or one of these. */
const CACHE_OPEN: u8 = 0;
export const CACHE_OFF: u8 = 1;
export const CACHE_ON: u8 = 2;

/** Everything that this driver makes use of. */
const KNOWN_FEATURES: u64 =
  layout.VIRTIO_BLK_F_SIZE_MAX |
  layout.VIRTIO_BLK_F_SEG_MAX |
  layout.VIRTIO_BLK_F_RO |
  layout.VIRTIO_BLK_F_BLK_SIZE |
  layout.VIRTIO_BLK_F_FLUSH |
  layout.VIRTIO_BLK_F_TOPOLOGY |
  layout.VIRTIO_BLK_F_CONFIG_WCE |
  layout.VIRTIO_BLK_F_DISCARD |
  layout.VIRTIO_BLK_F_WRITE_ZEROES |
  layout.VIRTIO_BLK_F_LIFETIME |
  layout.VIRTIO_BLK_F_SECURE_ERASE |
  VIRTIO_F_INDIRECT_DESC |
  VIRTIO_F_EVENT_IDX;

export class BlkDevice extends VirtioDriver {
  index: i32;
  transport!: Transport;
  // Parts, as pointers: a field of a class type would be checked for null at every use
  private configPtr: usize;
  private queuePtr: usize;
  private statisticsPtr: usize;
  private requestsPtr: usize;
  private recoveryPtr: usize;
  offered: u64;
  accepted: u64;
  /** E_OK while the disk can be used, otherwise why it cannot. */
  health: i32;
  /** Largest queue to set up at the next initialisation. */
  queueSizeLimit: u32;
  timeoutNs: u64;
  /** One block of memory that only this disk ever reads into, BLOCK_BYTES_MAX bytes. */
  blockPtr: usize;
  observer: DiskObserver | null;
  /** The clock at the last poll, and when health is looked at again. */
  nowNs: u64;
  nextCheckNs: u64;

  /** Number of the last batch. */
  lastBatch: u32;

  private isLegacy: bool;
  /** The write policy that the user has chosen: one of the CACHE_ values. */
  cacheChoice: u8;
  /** Buffers of the request that is being submitted. */
  private bufferCount: u32;

  /** Reserves what disk number `index` needs. Called once; `bringUp` follows. */
  init(index: i32, transport: Transport): void {
    this.index = index;
    this.transport = transport;
    this.isLegacy = transport.isLegacy();
    this.configPtr = changetype<usize>(place<BlkConfig>());
    this.config.init();
    this.queuePtr = changetype<usize>(place<Virtqueue>());
    this.queue.init();
    this.statisticsPtr = changetype<usize>(Statistics.of(index));
    this.requestsPtr = changetype<usize>(place<RequestTable>());
    this.requests.init();
    this.recoveryPtr = changetype<usize>(place<Recovery>());
    this.recovery.init(this);
    this.blockPtr = reserve(BLOCK_BYTES_MAX, 16);
    this.bufferCount = 1;
    this.lastBatch = 1;
    this.queueSizeLimit = QUEUE_SIZE_LIMIT;
    this.timeoutNs = REQUEST_TIMEOUT_NS;
  }

  get config(): BlkConfig {
    return changetype<BlkConfig>(this.configPtr);
  }

  get queue(): Virtqueue {
    return changetype<Virtqueue>(this.queuePtr);
  }

  get statistics(): Statistics {
    return changetype<Statistics>(this.statisticsPtr);
  }

  get requests(): RequestTable {
    return changetype<RequestTable>(this.requestsPtr);
  }

  get recovery(): Recovery {
    return changetype<Recovery>(this.recoveryPtr);
  }

  knownFeatures(): u64 {
    return KNOWN_FEATURES;
  }

  setUp(transport: Transport, offered: u64, accepted: u64): i32 {
    this.offered = offered;
    this.accepted = accepted;
    const queue = this.queue;
    const sizeMax = min(transport.queueSizeMax(REQUEST_QUEUE), this.queueSizeLimit);
    const size = largestPowerOfTwo(sizeMax);
    if (size < QUEUE_SIZE_MIN) return err.E_QUEUE;
    const error = this.config.read(transport, accepted, size);
    if (error != err.E_OK) return error;
    this.writeChosenCache();
    queue.layOut(size, this.config.segmentCountMax, accepted, this.isLegacy);
    this.describeFrames();
    return transport.activateQueue(
      REQUEST_QUEUE,
      size,
      queue.descPtr,
      queue.availPtr,
      queue.usedPtr,
    );
  }

  /** Gives every chain its frame, and frees those that no request is in. */
  private describeFrames(): void {
    const headerBytes = <u32>offsetof<layout.BlkRequestHeader>();
    this.requests.clear();
    for (let slot = <i32>this.queue.chainCount - 1; slot >= 0; --slot) {
      const request = this.requests.at(slot);
      this.queue.addChain(slot, request);
      this.queue.describeFrame(slot, request.framePtr, headerBytes, request.statusPtr());
      if (!request.owner) this.requests.give(request);
    }
  }

  /** Initialises the device for the first time, waiting for its reset. Returns `health`. */
  bringUp(): i32 {
    this.health = negotiate(this.transport, this);
    return this.health;
  }

  /** Whether all these feature bits have been accepted. */
  has(features: u64): bool {
    return (this.accepted & features) == features;
  }

  isReadOnly(): bool {
    return this.has(layout.VIRTIO_BLK_F_RO);
  }

  /**
   * Whether writes may stay in a cache of the device until a FLUSH; otherwise they are synchronous
   * (§5.2.5.1).
   */
  hasWriteCache(): bool {
    if (this.has(layout.VIRTIO_BLK_F_CONFIG_WCE)) {
      return this.transport.readConfig8(layout.CONFIG_WRITEBACK) != 0;
    }
    return this.has(layout.VIRTIO_BLK_F_FLUSH);
  }

  /** Switches the write cache (CONFIG_WCE). Returns whether the device has taken it. */
  setWriteCache(isOn: bool): bool {
    this.cacheChoice = isOn ? CACHE_ON : CACHE_OFF;
    this.writeChosenCache();
    return this.hasWriteCache() == isOn;
  }

  /** A reset brings the device's own policy back, so the chosen one is written after each. */
  private writeChosenCache(): void {
    if (this.cacheChoice == CACHE_OPEN || !this.has(layout.VIRTIO_BLK_F_CONFIG_WCE)) return;
    this.transport.writeConfig8(layout.CONFIG_WRITEBACK, this.cacheChoice == CACHE_ON ? 1 : 0);
  }

  /**
   * Puts a request into the ring; `dispatch` sends it. For reads and writes, the data are whole
   * blocks from sector `lba` on; for other types `lba` is 0 and the data what the type says. The
   * memory at `dataPtr` is the disk's until `owner` has been told of the end. Returns the slot,
   * which is free again then, or why the request is refused.
   */
  submit(type: u32, lba: u64, dataPtr: usize, lengthBytes: u32, owner: Owner): i32 {
    const requests = this.requests;
    const request = requests.firstFree;
    const template = requests.template(type);
    const isReady = lengthBytes == template.lengthBytes && request.readyKey == template.key;
    if (!isReady || !template.takes(lba, dataPtr)) {
      return this.submitAny(type, lba, dataPtr, lengthBytes, owner);
    }
    const queue = this.queue;
    requests.firstFree = request.nextFree;
    request.owner = owner;
    request.lba = lba;
    request.dataPtr = dataPtr;
    if (queue.isIdle()) this.readClock();
    request.submittedNs = this.nowNs;
    request.batch = this.nextBatch();
    request.writePlace(lba);
    moveData(request, physOf(dataPtr));
    queue.send(request, template.lengthLimit);
    return request.index;
  }

  /** A number for requests that are submitted together. */
  nextBatch(): u32 {
    this.lastBatch += 2; // odd for ever
    return this.lastBatch;
  }

  /**
   * As `submit`, for `count` transfers of the same type and length; `listPtr` points to as many of
   * type Transfer. Returns how many have been put into the ring, or, when that is none, why the
   * first one is refused.
   */
  submitMany(type: u32, listPtr: usize, count: u32, lengthBytes: u32, owner: Owner): i32 {
    const template = this.requests.template(type);
    let sent: u32 = 0;
    while (sent < count) {
      const fromPtr = listPtr + <usize>sent * offsetof<Transfer>();
      if (lengthBytes == template.lengthBytes) {
        sent += sendReady(this, template, fromPtr, count - sent, owner);
      }
      if (sent == count) break;
      const next = changetype<Transfer>(listPtr + <usize>sent * offsetof<Transfer>());
      const slot = this.submitAny(type, next.lba, next.dataPtr, lengthBytes, owner);
      if (slot < 0) return sent > 0 ? <i32>sent : slot;
      sent += 1;
    }
    return <i32>sent;
  }

  /** As `submit`, from the beginning. */
  private submitAny(type: u32, lba: u64, dataPtr: usize, lengthBytes: u32, owner: Owner): i32 {
    if (this.health != err.E_OK) return this.health;
    if (this.recovery.isActive) return err.E_BUSY;
    const error =
      type <= layout.VIRTIO_BLK_T_OUT
        ? this.checkTransfer(type, lba, lengthBytes, isMemory(dataPtr, lengthBytes))
        : checkSpecial(this, type, lba, dataPtr, lengthBytes);
    if (error != err.E_OK) return error;
    return this.enqueue(type, lba, dataPtr, lengthBytes, owner);
  }

  /**
   * As `submit`, for a read or write of several buffers: `listPtr` points to `bufferCount` of type
   * Buffer.
   */
  submitList(type: u32, lba: u64, listPtr: usize, bufferCount: u32, owner: Owner): i32 {
    if (this.health != err.E_OK) return this.health;
    if (this.recovery.isActive) return err.E_BUSY;
    if (type > layout.VIRTIO_BLK_T_OUT || bufferCount == 0) return err.E_ARGUMENT;
    const lengthBytes = checkBuffers(listPtr, bufferCount);
    if (lengthBytes < 0) return lengthBytes;
    const error = this.checkTransfer(type, lba, lengthBytes, true);
    if (error != err.E_OK) return error;
    this.bufferCount = bufferCount;
    const first = changetype<Buffer>(listPtr);
    return this.enqueue(type, lba, bufferCount == 1 ? first.ptr : listPtr, lengthBytes, owner);
  }

  private checkTransfer(type: u32, lba: u64, lengthBytes: u32, isOurs: bool): i32 {
    if (type == layout.VIRTIO_BLK_T_OUT && this.isReadOnly()) return err.E_READ_ONLY;
    if (lengthBytes == 0 || !isOurs) return err.E_ARGUMENT;
    if (lengthBytes > REQUEST_BYTES_MAX) return err.E_TOO_LONG;
    if (!this.config.isInside(lba, lengthBytes / layout.SECTOR_BYTES)) return err.E_RANGE;
    return this.config.isAligned(lba, lengthBytes) ? err.E_OK : err.E_ALIGN;
  }

  /** Whether a request from before a reset still suits the device. Returns E_OK or why not. */
  recheck(request: Request, slot: i32): i32 {
    if (slot >= <i32>this.queue.chainCount) return err.E_QUEUE;
    const type = request.type;
    const error =
      type <= layout.VIRTIO_BLK_T_OUT
        ? this.checkTransfer(type, request.lba, request.lengthBytes, true)
        : checkSpecial(this, type, request.lba, request.dataPtr, request.lengthBytes);
    if (error != err.E_OK) return error;
    return fitsChains(request, this.config) ? err.E_OK : err.E_ALIGN;
  }

  private enqueue(type: u32, lba: u64, dataPtr: usize, lengthBytes: u32, owner: Owner): i32 {
    const bufferCount = this.bufferCount;
    this.bufferCount = 1;
    const request = this.requests.take();
    if (!request) return err.E_BUSY;
    request.readyKey = 0;
    request.owner = owner;
    request.type = type;
    request.lba = lba;
    request.dataPtr = dataPtr;
    request.bufferCount = bufferCount;
    request.lengthBytes = lengthBytes;
    request.doneBytes = 0;
    request.verdict = 0;
    if (this.queue.inFlightCount == 0) this.readClock();
    request.submittedNs = this.nowNs;
    request.batch = this.nextBatch();
    if (bufferCount > 1 && !fitsChains(request, this.config)) {
      request.owner = null;
      this.requests.give(request);
      return err.E_ALIGN;
    }
    sendNext(this, request);
    if (type <= layout.VIRTIO_BLK_T_OUT && bufferCount == 1 && !request.hasMore) {
      makeReady(this, request);
    }
    return request.index;
  }

  /** What is sent from now on counts as sent now. */
  readClock(): void {
    this.nowNs = host.clockNs();
  }

  /** Shows the device what has been submitted, with one notification, unless it is being reset. */
  dispatch(): void {
    const queue = this.queue;
    const statistics = this.statistics;
    statistics.mostInFlight = max<u64>(statistics.mostInFlight, queue.inFlightCount);
    if (!queue.hasUnpublished() || this.recovery.isActive || this.health != err.E_OK) return;
    if (queue.publish()) {
      statistics.notificationsSent += 1;
      this.transport.notify(REQUEST_QUEUE);
    } else statistics.notificationsSuppressed += 1;
  }

  /** Takes what the device has completed, and mends what it does wrong. One bounded slice. */
  poll(): void {
    const recovery = this.recovery;
    if (recovery.isNeeded() | this.health) this.mend(err.E_OK, false);
    const queue = this.queue; // a dead device may go on writing into it
    if ((<u32>recovery.isActive) | this.health | u32(queue.isIdle())) return;
    const count = queue.usedCount();
    this.readClock();
    if (count > 0) completeUsed(this, count);
    const isDue = this.nowNs >= this.nextCheckNs;
    if (isDue || count < 0) this.mend(min(count, err.E_OK), isDue);
    if (queue.hasUnpublished()) this.dispatch();
  }

  /** What `poll` rarely does: begins a recovery, looks at the health, goes on with a recovery. */
  private mend(error: i32, isDue: bool): void {
    if (error != err.E_OK) this.recovery.begin(error);
    else if (!isDue) this.recovery.advance();
    else if (!this.recovery.isActive) checkHealth(this);
  }

  /** Frees the slot and tells the owner, who may submit again at once. */
  end(request: Request, slot: i32, result: i32, latencyNs: u64): void {
    const owner = request.owner!;
    request.owner = null;
    if (slot < <i32>this.queue.chainCount) this.requests.give(request);
    owner.completed(slot, result, latencyNs);
  }
}

/** The largest power of two that is not above `value`, or 0. */
function largestPowerOfTwo(value: u32): u32 {
  return value == 0 ? 0 : 1 << (31 - clz(value));
}
