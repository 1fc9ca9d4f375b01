/**
 * The working part of a block device: takes requests from its queue, performs them, gives them
 * back.
 *
 * Requests are performed at the moment of their completion, so the order of completion is the order
 * of effects. The work is done inside the notification, or a moment later by the clock; held
 * requests wait for the test.
 */

import { BlkUnit } from "./blk.js";
import { VirtualClock } from "./clock.js";
import type { RequestFault } from "./faults.js";
import type { BlkDevice } from "./mmio.js";
import { type QueueFeatures, type QueuePlace, SplitQueue } from "./queue.js";
import { type BlkRequest, parseRequest, totalBytes } from "./request.js";
import { F, ISR, S } from "./spec.js";

/** How long a driver may leave published buffers unannounced. */
const KICK_DEADLINE_NS = 1_000_000;

export interface EngineOptions {
  readonly clock: VirtualClock;
  /**
   * Undefined: work is done inside the notification. Otherwise this much later, and DRIVER_OK
   * starts it too.
   */
  readonly latencyNs: number | undefined;
}

export class BlkEngine {
  /** Requests the test decides about, oldest first. */
  readonly held: BlkRequest[] = [];
  /** Notifications so far. */
  kickCount = 0;
  private readonly unit: BlkUnit;
  private queue: SplitQueue | undefined;
  private isSilenced = false;
  private isWatchingKick = false;

  constructor(
    private readonly device: BlkDevice,
    private readonly options: EngineOptions,
  ) {
    this.unit = new BlkUnit(device);
  }

  get hasQueue(): boolean {
    return this.queue !== undefined;
  }

  /** Where the rings are, once the driver has said so. */
  get place(): QueuePlace | undefined {
    return this.queue?.place;
  }

  get inFlightCount(): number {
    return this.queue?.inFlightCount ?? 0;
  }

  get awaitsInterrupt(): boolean {
    return this.queue?.awaitsInterrupt ?? false;
  }

  start(place: QueuePlace, features: QueueFeatures): void {
    this.queue = new SplitQueue(place, features, this.device.memory, this.device.referee);
    if (this.isSilenced) this.queue.setSilence(true);
  }

  stop(): void {
    const { queue } = this;
    this.queue = undefined;
    this.held.length = 0;
    this.device.memory.settle();
    queue?.stop();
  }

  /** DRIVER_OK: with another thread doing the work, it looks at every queue now. */
  goLive(): void {
    if (this.options.latencyNs !== undefined) this.serveLater();
  }

  /**
   * The device watches the ring by itself from now on, and asks not to be notified; or asks for it
   * again.
   */
  setSilence(isSilenced: boolean): void {
    this.isSilenced = isSilenced;
    this.queue?.setSilence(isSilenced);
  }

  look(): void {
    const { queue } = this;
    if (!queue) return;
    queue.look();
    const isDeaf = this.device.faults.isDeaf;
    if (this.isSilenced && queue.hasWaiting && !isDeaf) this.serveLater();
    if (queue.lacksKick && this.device.status.isLive) this.watchKick(queue);
  }

  kick(): void {
    this.kickCount += 1;
    this.queue?.kick();
    if (this.device.faults.isDeaf) return;
    if (this.options.latencyNs === undefined) this.serve();
    else this.serveLater();
  }

  /** Completes a held request; without argument the oldest. */
  release(request = this.held[0]): void {
    const at = request ? this.held.indexOf(request) : -1;
    if (!request || at < 0) throw new Error("no such held request");
    this.held.splice(at, 1);
    this.complete(request, this.device.faults.take(request));
  }

  /** Completes every request held now, in the order `arrange` gives. */
  releaseAll(arrange: (held: BlkRequest[]) => BlkRequest[] = (held) => held): void {
    for (const request of arrange([...this.held])) this.release(request);
  }

  /** A used entry out of nothing. */
  forgeUsed(id: number, lengthBytes: number, step = 1): void {
    this.queue?.push(id, lengthBytes, step);
    this.device.interrupt(ISR.USED);
  }

  private serveLater(): void {
    const { queue } = this;
    this.options.clock.schedule(this.options.latencyNs ?? 0, () => {
      if (queue && queue === this.queue) this.serve();
    });
  }

  private serve(): void {
    const { faults, status } = this.device;
    while (status.isLive && !faults.isDeaf) {
      const chain = this.queue?.pop();
      if (!chain) return;
      const { memory, referee, accepted, disk } = this.device;
      const isStrict = disk.version === 1 && !accepted.has(F.ANY_LAYOUT);
      const request = parseRequest(chain, memory, referee, isStrict);
      this.unit.check(request);
      this.handle(request);
    }
  }

  private handle(request: BlkRequest): void {
    const { faults } = this.device;
    faults.requestsUntilBroken -= 1;
    if (faults.requestsUntilBroken <= 0) return this.breakDown();
    if (faults.isSilent) return;
    if (faults.isHolding) {
      this.held.push(request);
      return;
    }
    const fault = faults.take(request);
    if (fault.delayNs === undefined) return this.complete(request, fault);
    const { queue } = this;
    this.options.clock.schedule(fault.delayNs, () => {
      if (queue === this.queue) this.complete(request, fault);
    });
  }

  private breakDown(): void {
    this.device.faults.requestsUntilBroken = Infinity;
    this.device.breakDown();
  }

  private complete(request: BlkRequest, fault: RequestFault): void {
    const { chain } = request;
    this.answer(request, fault.status);
    const written = totalBytes(chain.writable);
    const lengthBytes = fault.usedLength?.(written) ?? written;
    const id = fault.usedId?.(chain.head) ?? chain.head;
    for (let count = fault.entryCount ?? 1; count > 0; count--) {
      const isWanted = this.queue?.push(id, lengthBytes, fault.indexStep) ?? false;
      if (isWanted) this.device.interrupt(ISR.USED);
    }
  }

  private answer(request: BlkRequest, forced: RequestFault["status"]): void {
    const isForced = typeof forced === "number";
    const status = isForced ? forced : this.unit.perform(request);
    if (status !== S.OK) this.unit.spoil(request);
    if (forced === "untouched") return;
    this.device.memory.write(request.statusPhys, Uint8Array.of(status));
  }

  private watchKick(queue: SplitQueue): void {
    if (this.isWatchingKick) return;
    this.isWatchingKick = true;
    const { kickedIdx } = queue;
    this.options.clock.schedule(KICK_DEADLINE_NS, () => {
      this.isWatchingKick = false;
      const isLate = queue === this.queue && queue.lacksKick && queue.kickedIdx === kickedIdx;
      const isMissing = isLate && this.device.status.isLive;
      const rule = this.device.accepted.has(F.EVENT_IDX) ? "SPLIT-19" : "SPLIT-18";
      this.device.referee.require(!isMissing, rule, "published buffers were not announced");
    });
  }
}
