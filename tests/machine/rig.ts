/** A bus with devices on it, put together from options: everything of a machine but the module. */

import { Bus } from "./bus.js";
import { VirtualClock } from "./clock.js";
import { GuestMemory } from "./memory.js";
import { BlkDevice } from "./mmio.js";
import type { DiskOptions } from "./options.js";
import { type ProtocolViolation, Referee } from "./violation.js";
import { type ForeignOptions, ForeignWindow } from "./window.js";

/** What is in a window: a disk, nothing, or something that is not for this driver. */
export type Slot = DiskOptions | "empty" | { readonly foreign: ForeignOptions };

export interface RigOptions {
  /** One entry a window, in order. */
  readonly slots?: readonly Slot[];
  /**
   * `immediate`: requests are done inside the notification. `deferred`: a moment later, by the
   * clock.
   */
  readonly mode?: "immediate" | "deferred";
  readonly latencyNs?: number;
  /** What the device writes becomes visible at the next fence, except the used index. */
  readonly isWeak?: boolean;
  /**
   * Device address of offset 0 of the guest's memory. Above 4 GiB, so that a lost high half shows.
   */
  readonly dmaBase?: number;
  /** Virtual time, unless it is given. */
  readonly clock?: VirtualClock;
}

const DMA_BASE = 0x1_8040_0000;
const LATENCY_NS = 20_000;

export class Rig {
  readonly clock: VirtualClock;
  readonly referee = new Referee();
  readonly memory: GuestMemory;
  readonly bus: Bus;
  readonly disks: BlkDevice[] = [];

  constructor(options: RigOptions, buffer: () => ArrayBufferLike) {
    const { dmaBase = DMA_BASE, isWeak = false, slots = [{}] } = options;
    this.clock = options.clock ?? new VirtualClock();
    this.memory = new GuestMemory(buffer, dmaBase, this.referee, isWeak);
    this.bus = new Bus(this.memory, this.clock);
    const isDeferred = options.mode === "deferred";
    const latencyNs = isDeferred ? (options.latencyNs ?? LATENCY_NS) : undefined;
    for (const slot of slots) this.plug(slot, latencyNs);
  }

  get violations(): readonly ProtocolViolation[] {
    return this.referee.violations;
  }

  /** The disk in the order of the slots; 0 is the first. */
  disk(index = 0): BlkDevice {
    const disk = this.disks[index];
    if (!disk) throw new Error(`this machine has no disk ${index}`);
    return disk;
  }

  /**
   * The driver sleeps until a device interrupts, at most `durationNs`. Returns whether one has. A
   * sleep that no device would end is a mistake: what it waits for has come before it had asked to
   * be told.
   */
  sleep(durationNs: number): boolean {
    const wakers = this.disks.filter((disk) => disk.letSleep());
    this.referee.require(wakers.length > 0, "SPLIT-20", "sleeps, and no interrupt will come");
    const isOver = this.clock.sleep(durationNs, () => this.disks.some((d) => d.interrupts !== 0));
    for (const disk of this.disks) disk.wake();
    return isOver;
  }

  private plug(slot: Slot, latencyNs: number | undefined): void {
    const { clock, memory, referee } = this;
    if (slot === "empty") {
      this.bus.windows.push(new ForeignWindow(referee));
    } else if ("foreign" in slot) {
      this.bus.windows.push(new ForeignWindow(referee, slot.foreign));
    } else {
      const device = new BlkDevice(slot, { clock, memory, referee, latencyNs });
      this.disks.push(device);
      this.bus.windows.push(device);
    }
  }
}
