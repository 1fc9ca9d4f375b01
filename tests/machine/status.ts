/**
 * The device status register and the order of initialisation it enforces (§2.1, §2.4, §3.1).
 *
 * A reset takes effect when the device finishes it: at once, or after a number of reads that still
 * show the old status.
 */

import { Status } from "./spec.js";
import { Referee } from "./violation.js";

export type StatusChange = "reset" | "features_ok" | "driver_ok" | "other";

/** What must have been set before a bit may be set, on a modern device. */
const PREREQUISITES = new Map<number, number>([
  [Status.ACKNOWLEDGE, 0],
  [Status.DRIVER, Status.ACKNOWLEDGE],
  [Status.FEATURES_OK, Status.ACKNOWLEDGE | Status.DRIVER],
  [Status.DRIVER_OK, Status.ACKNOWLEDGE | Status.DRIVER | Status.FEATURES_OK],
  [Status.FAILED, 0],
]);

/** What a device that is still resetting shows when nobody has set anything before. */
const LEFTOVER = Status.ACKNOWLEDGE | Status.DRIVER;

export class StatusRegister {
  private bits = 0;
  private isCold = true;
  private isResetUnconfirmed = false;
  private isResetting = false;
  private resetReadsLeft = 0;
  private isFeaturesOkUnread = false;
  private isRefused = false;
  needsReset = false;

  constructor(
    private readonly referee: Referee,
    private readonly isLegacy: boolean,
  ) {}

  has(bit: number): boolean {
    return (this.bits & bit) !== 0;
  }

  get isLive(): boolean {
    return this.has(Status.DRIVER_OK) && !this.needsReset;
  }

  /** `finishReset` is called when a slow reset ends with this read. */
  read(finishReset: () => void): number {
    this.isFeaturesOkUnread = false;
    if (this.isResetting) {
      if (this.resetReadsLeft > 0) {
        this.resetReadsLeft -= 1;
        return this.bits === 0 ? LEFTOVER : this.bits;
      }
      finishReset();
      this.clear();
    }
    if (this.bits === 0) this.isResetUnconfirmed = false;
    return this.bits | (this.needsReset ? Status.DEVICE_NEEDS_RESET : 0);
  }

  write(value: number): StatusChange {
    if (value === 0) return "reset";
    const { referee } = this;
    const held = this.needsReset ? value & ~Status.DEVICE_NEEDS_RESET : value;
    referee.require(!this.isCold, "STATUS-05", "initialisation starts with a reset");
    referee.require(!this.has(Status.FAILED), "STATUS-03", "FAILED is left by a reset only");
    referee.require((this.bits & ~held) === 0, "STATUS-02", `${value} clears ${this.bits}`);
    return this.setBit(held & ~this.bits & ~this.lateFeaturesOk(held));
  }

  /** Starts a reset that ends after `reads` reads. Returns whether it has ended already. */
  reset(reads: number): boolean {
    this.isCold = false;
    this.isResetUnconfirmed = true;
    this.isResetting = reads > 0;
    this.resetReadsLeft = reads;
    if (this.isResetting) return false;
    this.clear();
    return true;
  }

  refuseFeatures(): void {
    this.bits &= ~Status.FEATURES_OK;
    this.isRefused = true;
  }

  /** Any access but one to Status: the driver moves on, and must be allowed to. */
  checkMove(what: string, isWrite: boolean): void {
    const { referee } = this;
    referee.require(!this.isResetUnconfirmed, "RESET-01", `${what} before status read 0`);
    referee.require(
      !this.isFeaturesOkUnread,
      "STATUS-06",
      `${what} before FEATURES_OK was re-read`,
    );
    const isStopped = isWrite && this.isRefused;
    referee.require(!isStopped, "STATUS-06", `${what} although FEATURES_OK was refused`);
    const isHopeless = isWrite && this.has(Status.FAILED);
    referee.require(!isHopeless, "STATUS-09", `${what} after FAILED`);
  }

  private setBit(bit: number): StatusChange {
    const { referee } = this;
    referee.require(!this.isResetUnconfirmed, "RESET-01", "a new start before status read 0");
    if (bit === 0) return "other";
    const needed = PREREQUISITES.get(bit);
    if (needed === undefined) return referee.forbid("STATUS-01", `bits ${bit} set in one step`);
    const isFeaturesOk = bit === Status.FEATURES_OK;
    referee.require(
      !(isFeaturesOk && this.isLegacy),
      "LEGACY-01",
      "FEATURES_OK on a legacy device",
    );
    const isStopped = bit !== Status.FAILED && (this.isRefused || this.isFeaturesOkUnread);
    referee.require(
      !isStopped,
      "STATUS-06",
      `bit ${bit} set without FEATURES_OK being re-read as set`,
    );
    const wanted = this.isLegacy ? needed & ~Status.FEATURES_OK : needed;
    referee.require((this.bits & wanted) === wanted, "STATUS-05", `${bit} set after ${this.bits}`);
    this.bits |= bit;
    this.isFeaturesOkUnread = isFeaturesOk;
    if (isFeaturesOk) return "features_ok";
    return bit === Status.DRIVER_OK ? "driver_ok" : "other";
  }

  /**
   * A driver that keeps its own record may still show a refused FEATURES_OK when it sets FAILED.
   */
  private lateFeaturesOk(value: number): number {
    return this.isRefused && (value & Status.FAILED) !== 0 ? Status.FEATURES_OK : 0;
  }

  private clear(): void {
    this.bits = 0;
    this.needsReset = false;
    this.isResetting = false;
    this.isRefused = false;
    this.isFeaturesOkUnread = false;
  }
}
