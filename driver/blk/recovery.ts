/**
 * Recovery of a block device: one path for every way in which it can go wrong.
 *
 *   working --begin--> resetting --status reads 0--> initialised and replayed --> working
 *                       |     ^                         |
 *                       +-----+ not in time, or refused +--> dead, after three in a row
 *                                                            without one completion
 *
 * The reset is waited for in slices. Until it is complete the device may write to the memory of
 * every request in flight, so nothing is ended and nothing is sent before. Then what was in flight
 * is sent again: reads, writes and ranges, since doing them twice does no harm, and flushes after
 * all of these have ended. What cannot be sent again ends with a precise error.
 */
import * as host from "../host";
import * as err from "../util/errors";
import { RESET_TIMEOUT_NS, initialise } from "../virtio/negotiate";
import { QUEUE_SIZE_LIMIT } from "../virtio/queue";
import { BlkDevice } from "./device";
import * as layout from "./layout";
import { Request } from "./request";
import { sendNext } from "./sending";
import { kindOf } from "./statistics";

/** Recoveries in a row after which a disk is given up, and times that one request is sent again. */
const ATTEMPTS: i32 = 3;

export class Recovery {
  /** A reset is being waited for; nothing can be submitted. */
  isActive: bool;
  /** Flushes wait until the writes that were replayed have ended. */
  holdsFlushes: bool;
  /** The device has not come out of reset: what was in flight then may still be written by it. */
  holdsMemory: bool;

  private disk!: BlkDevice;
  private lastCause: i32;
  private attempts: i32;
  private deadlineNs: u64;

  init(disk: BlkDevice): void {
    this.disk = disk;
  }

  /** Whether there is anything to `advance`, not 0 if so. */
  isNeeded(): u32 {
    return (<u32>this.isActive) | (<u32>this.holdsFlushes);
  }

  /** A request has been completed: the device works. */
  noteProgress(): void {
    this.attempts = 0;
  }

  /** Starts a recovery because of `cause`. */
  begin(cause: i32): void {
    this.lastCause = cause;
    this.attempts += 1;
    if (this.attempts > ATTEMPTS && cause == err.E_RESET) return this.giveUp();
    this.beginReset();
  }

  /** Whether this request waits for others before it is sent again. */
  holds(request: Request): bool {
    return this.holdsFlushes && isReplayed(request) && isFlush(request);
  }

  /** Starts over with a device in whatever state, as if it had never failed. */
  restart(): void {
    this.attempts = 0;
    this.begin(err.E_OK);
  }

  private beginReset(): void {
    if (this.lastCause != err.E_OK) this.disk.statistics.recoveries += 1;
    this.isActive = true;
    this.disk.requests.forget();
    this.holdsFlushes = false;
    this.deadlineNs = host.clockNs() + RESET_TIMEOUT_NS;
    this.disk.transport.writeStatus(0);
  }

  /** One slice: looks whether the reset is complete, or whether the flushes can go. */
  advance(): void {
    if (this.holdsFlushes) this.sendFlushes();
    if (!this.isActive) return;
    if (this.disk.transport.readStatus() == 0) return this.finishReset();
    if (host.clockNs() < this.deadlineNs) return;
    this.holdsMemory = true;
    this.begin(err.E_RESET);
  }

  /** The memory of all requests is ours again. */
  private finishReset(): void {
    const disk = this.disk;
    this.holdsMemory = false;
    if (this.attempts > ATTEMPTS) return this.giveUp();
    disk.health = initialise(disk.transport, disk);
    if (disk.health != err.E_OK) return this.begin(disk.health);
    this.isActive = false;
    this.replay();
  }

  /**
   * The disk is dead: what was in flight ends with the cause, and whoever comes later hears of it
   * at once.
   */
  private giveUp(): void {
    this.isActive = false;
    this.disk.health = err.E_DEAD;
    for (let slot = 0; slot < <i32>QUEUE_SIZE_LIMIT; ++slot) {
      const request = this.disk.requests.at(slot);
      if (request.owner) request.verdict = this.lastCause;
    }
    const observer = this.disk.observer;
    if (observer) observer.died(this.disk, this.lastCause);
    this.endCondemned();
  }

  /**
   * Sends again what can be; only then tells the owners of the rest, since they may submit
   * something new.
   */
  private replay(): void {
    const disk = this.disk;
    disk.readClock();
    for (let slot = 0; slot < <i32>QUEUE_SIZE_LIMIT; ++slot) {
      const request = disk.requests.at(slot);
      if (request.owner) this.replayOne(request, slot);
    }
    disk.dispatch();
    const observer = disk.observer;
    if (observer) observer.recovered(disk, this.lastCause);
    this.endCondemned();
  }

  private replayOne(request: Request, slot: i32): void {
    if (request.verdict >= ATTEMPTS) request.verdict = this.lastCause;
    if (request.verdict < 0) return;
    request.doneBytes = 0;
    const error = this.disk.recheck(request, slot);
    if (error != err.E_OK) {
      request.verdict = error;
      return;
    }
    request.verdict += 1;
    this.disk.statistics.replays += 1;
    if (isFlush(request)) this.holdsFlushes = true;
    else sendNext(this.disk, request);
  }

  /** Sends the flushes again once every other request that was replayed has ended (§5.2.6.2). */
  private sendFlushes(): void {
    const disk = this.disk;
    if (this.hasReplayed()) return;
    this.holdsFlushes = false;
    disk.readClock();
    for (let slot = 0; slot < <i32>QUEUE_SIZE_LIMIT; ++slot) {
      const request = disk.requests.at(slot);
      if (isReplayed(request) && isFlush(request)) sendNext(disk, request);
    }
    disk.dispatch();
  }

  private hasReplayed(): bool {
    for (let slot = 0; slot < <i32>QUEUE_SIZE_LIMIT; ++slot) {
      const request = this.disk.requests.at(slot);
      if (isReplayed(request) && !isFlush(request)) return true;
    }
    return false;
  }

  /** Ends every request that has a negative verdict with it. */
  private endCondemned(): void {
    for (let slot = 0; slot < <i32>QUEUE_SIZE_LIMIT; ++slot) {
      const request = this.disk.requests.at(slot);
      if (!request.owner || request.verdict >= 0) continue;
      this.disk.statistics.addError(kindOf(request.type), request.verdict);
      this.disk.end(request, slot, request.verdict, 0);
    }
  }
}

function isReplayed(request: Request): bool {
  return request.owner != null && request.verdict > 0;
}

function isFlush(request: Request): bool {
  return request.type == layout.VIRTIO_BLK_T_FLUSH;
}
