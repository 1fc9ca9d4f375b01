/**
 * What can be known from the guest about a disk and its oldest request: facts, which the shell
 * prints and judges.
 *
 * Collecting changes nothing but for one thing: when a request is in flight that shows no sign of
 * life, the device is notified once more, which does no harm and may help. That is waited for by
 * the clock, for at most SECOND_WAIT_NS.
 */
import * as host from "../host";
import { physOf } from "../dma";
import { place } from "../util/arena";
import { E_OK } from "../util/errors";
import { DRIVER_OK, DEVICE_NEEDS_RESET } from "../virtio/layout";
import { TransportState } from "../virtio/inspect";
import { ChainState, QueueState } from "../virtio/queue_inspect";
import { BlkDevice, REQUEST_QUEUE } from "./device";
import { BlkRequestHeader, STATUS_UNTOUCHED } from "./layout";
import { Request } from "./request";

const SECOND_WAIT_NS: u64 = 10_000_000;

/** What became of the second notification. */
export enum Second {
  /** Nothing waits for it. */
  NOT_NEEDED,
  /** The device is not ready for it. */
  NOT_POSSIBLE,
  /** The device asks not to be notified. */
  NOT_WANTED,
  /** It did not help. */
  SENT,
  HELPED,
  /** The request came back, but the device had fetched it before. */
  CAME_LATE,
}

/** What is wrong with the chain of a request. */
export enum ChainFault {
  NONE,
  NOT_IN_RING,
  TABLE,
  LINKS,
  EMPTY,
  OUTSIDE,
  HEADER,
  ORDER,
  STATUS,
}

export class Diagnosis {
  transport!: TransportState;
  queue!: QueueState;
  chain!: ChainState;
  /** The oldest request in flight, or -1; the fields below belong to it. */
  slot: i32;
  request!: Request;
  ageNs: u64;
  statusByte: u32;
  second: Second;
  chainFault: ChainFault;
  /** Position of the entry that `chainFault` is about. */
  faultPosition: u32;

  init(): void {
    this.transport = place<TransportState>();
    this.queue = place<QueueState>();
    this.chain = place<ChainState>();
    this.chain.init();
  }

  /** Collects everything there is to know about `disk`. Bounded. */
  collect(disk: BlkDevice): void {
    disk.transport.inspect(this.transport);
    this.queue.read(disk.queue);
    this.second = Second.NOT_NEEDED;
    this.chainFault = ChainFault.NONE;
    this.slot = oldestSlot(disk);
    if (this.slot >= 0) this.collectRequest(disk);
    this.queue.searchStray(disk.queue);
  }

  private collectRequest(disk: BlkDevice): void {
    this.request = disk.requests.at(this.slot);
    this.ageNs = host.clockNs() - this.request.sinceNs;
    this.chain.read(disk.queue, this.slot);
    this.checkChain();
    if (!this.queue.hasUsed()) this.watch(disk);
    this.statusByte = this.request.readStatus();
  }

  /** Whether the device has written the status byte. */
  isTouched(): bool {
    return this.request.readStatus() != STATUS_UNTOUCHED;
  }

  /** Looks whether the request comes back after all, with a second notification if it is due. */
  private watch(disk: BlkDevice): void {
    if (!this.isTouched()) {
      const wasTaken = this.queue.isTaken();
      this.second = this.notifyAgain(disk);
      const hasMoved = this.waitForSign(disk, !wasTaken);
      if (this.second == Second.SENT && hasMoved) {
        this.second = wasTaken ? Second.CAME_LATE : Second.HELPED;
      }
    } else {
      this.waitForSign(disk, false); // between status byte and used index
    }
  }

  /** Sends the second notification, unless that would be wrong. */
  private notifyAgain(disk: BlkDevice): Second {
    const transport = this.transport;
    const isLive = (transport.status & (DRIVER_OK | DEVICE_NEEDS_RESET)) == DRIVER_OK;
    const isReady = disk.health == E_OK && !transport.isResetting && transport.setUpCount > 0;
    if (!isLive || !isReady || disk.recovery.isActive) return Second.NOT_POSSIBLE;
    if (disk.queue.hasUnpublished()) return Second.NOT_POSSIBLE;
    if (!this.queue.wantedNotification) return Second.NOT_WANTED;
    disk.transport.notify(REQUEST_QUEUE);
    return Second.SENT;
  }

  /** Waits for a used entry, or with `isFetchEnough` until the device has fetched the request. */
  private waitForSign(disk: BlkDevice, isFetchEnough: bool): bool {
    const deadlineNs = host.clockNs() + SECOND_WAIT_NS;
    do {
      this.queue.read(disk.queue);
      if (this.queue.hasUsed() || (isFetchEnough && this.queue.isTaken())) return true;
    } while (host.clockNs() < deadlineNs);
    return isFetchEnough && this.isTouched();
  }

  /** Compares the chain with what a request looks like (§5.2.6) and what a queue allows. */
  private checkChain(): void {
    const chain = this.chain;
    if (!chain.isInRing) return this.blame(ChainFault.NOT_IN_RING, 0);
    if (!chain.isTableRight) return this.blame(ChainFault.TABLE, 0);
    if (!chain.isEnded || chain.count < 2) return this.blame(ChainFault.LINKS, chain.count - 1);
    for (let i: u32 = 0; i < chain.count; ++i) {
      const entry = chain.at(i);
      if (entry.lengthBytes == 0) return this.blame(ChainFault.EMPTY, i);
      if (!entry.isMemory()) return this.blame(ChainFault.OUTSIDE, i);
    }
    this.checkFrame();
  }

  private checkFrame(): void {
    const chain = this.chain;
    const header = chain.at(0);
    const last = chain.count - 1;
    const isHeader =
      header.phys == physOf(this.request.framePtr) &&
      header.lengthBytes == <u32>offsetof<BlkRequestHeader>();
    if (!isHeader || header.isWritable()) return this.blame(ChainFault.HEADER, 0);
    const status = chain.at(last);
    const isStatus = status.phys == physOf(this.request.statusPtr()) && status.lengthBytes == 1;
    if (!isStatus || !status.isWritable()) return this.blame(ChainFault.STATUS, last);
    for (let i: u32 = 1; i < last; ++i) {
      const isBack = chain.at(i - 1).isWritable() && !chain.at(i).isWritable();
      if (isBack) return this.blame(ChainFault.ORDER, i);
    }
  }

  private blame(fault: ChainFault, position: u32): void {
    this.chainFault = fault;
    this.faultPosition = position;
  }
}

/** The request that has been with the device for longest, or -1. */
function oldestSlot(disk: BlkDevice): i32 {
  let oldest = -1;
  for (let slot = 0; slot < <i32>disk.queue.chainCount; ++slot) {
    const request = disk.requests.at(slot);
    if (!request.owner || request.lengthLimit == 0) continue;
    if (oldest < 0 || request.sinceNs < disk.requests.at(oldest).sinceNs) oldest = slot;
  }
  return oldest;
}
