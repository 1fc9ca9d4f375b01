/**
 * One virtio block device (§5.2): brings it up, sends requests, takes completions, and recovers
 * when it misbehaves.
 *
 * Nothing here waits: `submit` queues, `dispatch` sends with one notification, `poll` takes what is
 * done. The device is not believed: used entries are checked by the queue, the status byte here,
 * the clock bounds every request. A request that is not done in time still belongs to the device,
 * so it ends only after the device has been reset.
 */
import * as host from "../host";
import { place } from "../util/arena";
import * as err from "../util/errors";
import { DEVICE_NEEDS_RESET } from "../virtio/layout";
import { VirtioDriver, negotiate } from "../virtio/negotiate";
import { NO_TOKEN, QUEUE_SIZE_LIMIT, Virtqueue } from "../virtio/queue";
import { Transport } from "../virtio/transport";
import { reserve } from "../util/arena";
import { BLOCK_BYTES_MAX, BlkConfig, REQUEST_BYTES_MAX } from "./config";
import * as layout from "./layout";
import { REQUEST_COUNT, Request, RequestPool, RequestState } from "./request";

/** The device's only queue (§5.2.2). */
const REQUEST_QUEUE: u32 = 0;

/** A request needs three descriptors, so a queue of two is of no use. */
const QUEUE_SIZE_MIN: u32 = 4;

/** How long a request may take. */
const REQUEST_TIMEOUT_NS: u64 = 5_000_000_000;

/** How often a waiting disk is asked whether it needs a reset. */
const STATUS_CHECK_NS: u64 = 10_000_000;

const KNOWN_FEATURES: u64 =
  layout.VIRTIO_BLK_F_SIZE_MAX |
  layout.VIRTIO_BLK_F_SEG_MAX |
  layout.VIRTIO_BLK_F_RO |
  layout.VIRTIO_BLK_F_BLK_SIZE |
  layout.VIRTIO_BLK_F_FLUSH;

export class BlkDevice extends VirtioDriver {
  index: i32;
  transport!: Transport;
  config!: BlkConfig;
  queue!: Virtqueue;
  offered: u64;
  accepted: u64;
  /** E_OK while the disk can be used, otherwise why it cannot. */
  health: i32;
  /** One block of memory that only this disk ever reads into, BLOCK_BYTES_MAX bytes. */
  blockPtr: usize;

  sectorsRead: u64;
  sectorsWritten: u64;
  requestsFailed: u64;
  recoveries: u64;

  private pool!: RequestPool;
  private nextStatusCheckNs: u64;

  /** Reserves what disk number `index` needs. Called once; `bringUp` follows. */
  init(index: i32, transport: Transport): void {
    this.index = index;
    this.transport = transport;
    this.config = place<BlkConfig>();
    this.queue = place<Virtqueue>();
    this.queue.init();
    this.pool = place<RequestPool>();
    this.pool.init(index);
    this.blockPtr = reserve(BLOCK_BYTES_MAX, 16);
  }

  /** Initialises the device from any state. Returns `health`. */
  bringUp(): i32 {
    this.health = negotiate(this.transport, this);
    return this.health;
  }

  knownFeatures(): u64 {
    return KNOWN_FEATURES;
  }

  setUp(transport: Transport, offered: u64, accepted: u64): i32 {
    this.offered = offered;
    this.accepted = accepted;
    const size = largestPowerOfTwo(min(transport.queueSizeMax(REQUEST_QUEUE), QUEUE_SIZE_LIMIT));
    if (size < QUEUE_SIZE_MIN) return err.E_QUEUE;
    const error = this.config.read(transport, accepted, size);
    if (error != err.E_OK) return error;
    const queue = this.queue;
    queue.layOut(size, !transport.isLegacy());
    return transport.activateQueue(
      REQUEST_QUEUE,
      size,
      queue.descPtr,
      queue.availPtr,
      queue.usedPtr,
    );
  }

  isReadOnly(): bool {
    return (this.accepted & layout.VIRTIO_BLK_F_RO) != 0;
  }

  /**
   * Whether writes may stay in a cache of the device until a FLUSH; otherwise they are synchronous
   * (§5.2.5.1).
   */
  hasWriteCache(): bool {
    return (this.accepted & layout.VIRTIO_BLK_F_FLUSH) != 0;
  }

  /**
   * Queues a request; `dispatch` sends it. `type` is IN, OUT or FLUSH. `dataPtr` and `lengthBytes`
   * are whole blocks that belong to the disk until `result` says otherwise; a FLUSH has neither and
   * `lba` 0. Returns a handle for `result`, or why the request is refused.
   */
  submit(type: u32, lba: u64, dataPtr: usize, lengthBytes: u32): i32 {
    if (this.health != err.E_OK) return this.health;
    const error =
      type == layout.VIRTIO_BLK_T_FLUSH
        ? this.checkFlush(lba, lengthBytes)
        : this.checkTransfer(type, lba, dataPtr, lengthBytes);
    return error != err.E_OK ? error : this.pool.queue(type, lba, dataPtr, lengthBytes);
  }

  private checkFlush(lba: u64, lengthBytes: u32): i32 {
    if (!this.hasWriteCache()) return err.E_UNSUPPORTED;
    return lba == 0 && lengthBytes == 0 ? err.E_OK : err.E_ARGUMENT;
  }

  private checkTransfer(type: u32, lba: u64, dataPtr: usize, lengthBytes: u32): i32 {
    if (type != layout.VIRTIO_BLK_T_IN && type != layout.VIRTIO_BLK_T_OUT) return err.E_ARGUMENT;
    if (type == layout.VIRTIO_BLK_T_OUT && this.isReadOnly()) return err.E_READ_ONLY;
    if (lengthBytes == 0) return err.E_ARGUMENT;
    if (lengthBytes > REQUEST_BYTES_MAX) return err.E_TOO_LONG;
    if (!this.config.isInside(lba, lengthBytes / layout.SECTOR_BYTES)) return err.E_RANGE;
    if (!this.config.isAligned(lba, lengthBytes)) return err.E_ALIGN;
    const memoryEnd = (<u64>memory.size()) << 16;
    return <u64>dataPtr + lengthBytes <= memoryEnd ? err.E_OK : err.E_ARGUMENT;
  }

  /** Sends queued requests as far as the ring has room, and notifies the device once. */
  dispatch(): void {
    if (this.health != err.E_OK) return;
    let hasSent = false;
    for (let request = this.pool.firstQueued(); request; request = this.pool.firstQueued()) {
      if (!this.send(request)) break;
      this.pool.takeQueued();
      hasSent = true;
    }
    if (hasSent) this.notify();
  }

  private notify(): void {
    if (this.queue.publish()) this.transport.notify(REQUEST_QUEUE);
  }

  /**
   * Puts the next chain of `request` into the ring: header, data, status (§5.2.6). False when there
   * is no room.
   */
  private send(request: Request): bool {
    const queue = this.queue;
    const segmentBytes = this.config.segmentBytesMax;
    const bytes = min(request.lengthBytes - request.doneBytes, this.config.chainBytesMax);
    const segmentCount = (bytes + segmentBytes - 1) / segmentBytes;
    if (queue.freeCount < segmentCount + 2) return false;

    request.writeFrame();
    queue.beginChain();
    queue.addReadable(request.headerPtr, offsetof<layout.BlkRequestHeader>());
    const dataPtr = request.dataPtr + request.doneBytes;
    for (let at: u32 = 0; at < bytes; at += segmentBytes) {
      const length = min(bytes - at, segmentBytes);
      if (request.type == layout.VIRTIO_BLK_T_IN) queue.addWritable(dataPtr + at, length);
      else queue.addReadable(dataPtr + at, length);
    }
    queue.addWritable(request.statusPtr, 1);
    queue.endChain(request.slot);

    request.chainBytes = bytes;
    request.state = RequestState.IN_FLIGHT;
    request.submittedNs = host.clockNs();
    return true;
  }

  /**
   * Takes what the device has completed, and recovers the device when it is late or wrong. One
   * bounded slice.
   */
  poll(): void {
    if (this.health != err.E_OK || this.queue.inFlightCount == 0) return;
    const slot = this.popAll();
    if (slot == err.E_USED_RING) this.recover(err.E_USED_RING);
    else this.checkOverdue();
    this.dispatch();
  }

  /**
   * Completes everything in the used ring, at most one ring full. Returns NO_TOKEN or E_USED_RING.
   */
  private popAll(): i32 {
    let resent = false;
    for (let i: u32 = 0; i < this.queue.size; ++i) {
      const slot = this.queue.pop();
      if (slot == NO_TOKEN) break;
      if (slot < 0) return slot;
      const request = this.pool.at(slot);
      const result = chainResult(request.readStatus());
      request.doneBytes += request.chainBytes;
      if (result == err.E_OK && request.doneBytes < request.lengthBytes) {
        resent = this.send(request);
        assert(resent, "the chain that is done has made room for the next");
      } else this.complete(request, result);
    }
    if (resent) this.notify();
    return NO_TOKEN;
  }

  private complete(request: Request, result: i32): void {
    request.state = RequestState.DONE;
    request.result = result;
    const sectors = request.lengthBytes / layout.SECTOR_BYTES;
    if (result != err.E_OK) this.requestsFailed += 1;
    else if (request.type == layout.VIRTIO_BLK_T_IN) this.sectorsRead += sectors;
    else if (request.type == layout.VIRTIO_BLK_T_OUT) this.sectorsWritten += sectors;
  }

  /** Recovers a device that asks for a reset, or whose oldest request is over its time. */
  private checkOverdue(): void {
    const nowNs = host.clockNs();
    if (nowNs < this.nextStatusCheckNs) return;
    this.nextStatusCheckNs = nowNs + STATUS_CHECK_NS;
    if (this.transport.readStatus() & DEVICE_NEEDS_RESET) return this.recover(err.E_NEEDS_RESET);
    for (let slot = 0; slot < REQUEST_COUNT; ++slot) {
      const request = this.pool.at(slot);
      if (request.state != RequestState.IN_FLIGHT) continue;
      if (nowNs - request.submittedNs >= REQUEST_TIMEOUT_NS) return this.recover(err.E_TIMEOUT);
    }
  }

  /**
   * Resets and re-initialises the device, then ends with `cause` what was in flight: only now is
   * that memory ours again. Requests still queued go on when the device is well, otherwise they end
   * with its `health`.
   */
  private recover(cause: i32): void {
    this.recoveries += 1;
    const health = this.bringUp();
    for (let slot = 0; slot < REQUEST_COUNT; ++slot) {
      const request = this.pool.at(slot);
      if (request.state == RequestState.IN_FLIGHT) {
        this.complete(request, health == err.E_DEAD ? err.E_DEAD : cause);
      }
    }
    if (health == err.E_OK) return;
    for (let request = this.pool.takeQueued(); request; request = this.pool.takeQueued()) {
      this.complete(request, health);
    }
  }

  /**
   * PENDING, or the result of a request, which gives the handle back; E_ARGUMENT when the handle is
   * not one.
   */
  result(handle: i32): i32 {
    const request = this.pool.find(handle);
    if (!request) return err.E_ARGUMENT;
    if (request.state != RequestState.DONE) return err.PENDING;
    this.pool.release(request);
    return request.result;
  }
}

/** What the status byte says; anything that the device is not allowed to write is E_STATUS. */
function chainResult(status: u8): i32 {
  switch (status) {
    case layout.VIRTIO_BLK_S_OK:
      return err.E_OK;
    case layout.VIRTIO_BLK_S_IOERR:
      return err.E_IO;
    case layout.VIRTIO_BLK_S_UNSUPP:
      return err.E_UNSUPPORTED;
    default:
      return err.E_STATUS;
  }
}

/** The largest power of two that is not above `value`, or 0. */
function largestPowerOfTwo(value: u32): u32 {
  return value == 0 ? 0 : 1 << (31 - clz(value));
}
