/**
 * A block device behind the registers of the MMIO transport, version 1 or 2 (§4.2).
 *
 * This file routes each access to the part that knows the register, and checks that it comes at the
 * right time of initialisation. What the device does with requests is in `engine.ts`.
 */

import { BlkEngine, type EngineOptions } from "./engine.js";
import { ConfigSpace } from "./config.js";
import { SectorStore } from "./disk.js";
import { Faults } from "./faults.js";
import { FeatureRegisters } from "./features.js";
import { LegacyQueues } from "./legacy.js";
import { GuestMemory } from "./memory.js";
import { ModernQueues } from "./modern.js";
import { type Disk, type DiskOptions, resolveDisk } from "./options.js";
import type { QueuePlace } from "./queue.js";
import type { QueueHost, QueueRegisters } from "./queue_registers.js";
import { CONFIG_START, DEVICE_ID_BLOCK, F, ISR, MAGIC, type Register, Status } from "./spec.js";
import { StatusRegister } from "./status.js";
import { Referee } from "./violation.js";
import { decode, ProbeGuard, type Window, WINDOW_BYTES } from "./window.js";

const VENDOR = 0x6b6c6274;
/**
 * Offset of writeback in the configuration space: legacy drivers may touch it at any time
 * (§5.2.5.3).
 */
const WRITEBACK = CONFIG_START + 32;

/** What the device shares with the machine around it. */
export type Environment = EngineOptions & {
  readonly memory: GuestMemory;
  readonly referee: Referee;
};

export class BlkDevice implements Window, QueueHost {
  readonly lengthBytes = WINDOW_BYTES;
  readonly disk: Disk;
  readonly store: SectorStore;
  readonly faults = new Faults();
  readonly status: StatusRegister;
  readonly memory: GuestMemory;
  readonly referee: Referee;
  readonly engine: BlkEngine;
  private readonly features: FeatureRegisters;
  private readonly config: ConfigSpace;
  private readonly queues: QueueRegisters;
  private readonly guard: ProbeGuard;
  private readonly isLegacy: boolean;
  /** What QueueSizeMax shows from the next set-up on. */
  queueSizeMax: number;
  /** Causes of the interrupt that is pending. */
  interrupts = 0;
  /** Resets that have ended, the one of the first initialisation included. */
  resetCount = 0;
  private shownInterrupts = 0;
  /** What has ended a sleep of the driver and was not acknowledged. */
  private heardInterrupts = 0;

  constructor(options: DiskOptions, environment: Environment) {
    const { memory, referee } = environment;
    this.memory = memory;
    this.referee = referee;
    this.disk = resolveDisk(options);
    this.queueSizeMax = this.disk.queueSizeMax;
    this.isLegacy = this.disk.version === 1;
    this.store = this.disk.store ?? new SectorStore(this.disk.sectorCount);
    this.status = new StatusRegister(referee, this.isLegacy);
    this.features = new FeatureRegisters(this.disk, referee);
    this.config = new ConfigSpace(this);
    this.queues = this.isLegacy ? new LegacyQueues(this) : new ModernQueues(this);
    this.guard = new ProbeGuard(referee);
    this.engine = new BlkEngine(this, environment);
  }

  get offered(): ReadonlySet<number> {
    return this.features.offered;
  }

  get accepted(): ReadonlySet<number> {
    return this.features.accepted;
  }

  /** Changes what is offered from the next negotiation on. */
  offer(features: Iterable<number>): void {
    this.features.offered = new Set(features);
  }

  capacity(): number {
    return this.store.sectorCount;
  }

  shownCapacity(): number {
    return this.config.shownCapacity;
  }

  isWriteback(): boolean {
    return this.store.isWriteback;
  }

  setWriteback(isWriteback: boolean): void {
    this.store.isWriteback = isWriteback;
  }

  inFlightCount(): number {
    return this.engine.inFlightCount;
  }

  /** The disk gets another size while the machine runs. */
  resize(sectorCount: number): void {
    this.store.resize(sectorCount);
    this.config.generation += 1;
    this.interrupt(ISR.CONFIG);
  }

  /** The device is stuck: it asks for a reset and does nothing until it has had one (§2.1.2). */
  breakDown(): void {
    this.status.needsReset = true;
    this.interrupt(ISR.CONFIG);
  }

  interrupt(cause: number): void {
    if (this.status.has(Status.DRIVER_OK)) this.interrupts |= cause;
  }

  /** The driver goes to sleep. Whether this device may wake it. */
  letSleep(): boolean {
    const isHandled = this.heardInterrupts === 0;
    this.referee.require(isHandled, "MMIO-11", "sleeps again without having acknowledged");
    return this.interrupts !== 0 || this.engine.awaitsInterrupt;
  }

  /** The driver is awake. */
  wake(): void {
    this.heardInterrupts = this.interrupts;
  }

  fence(): void {
    this.engine.look();
  }

  read(offset: number, width: number): number {
    this.guard.check(offset);
    const value = this.readPlain(offset, width);
    const shown = this.faults.onRead?.(offset, value) ?? value;
    if (offset >= CONFIG_START) this.config.show(offset - CONFIG_START, width, shown);
    return shown;
  }

  write(offset: number, width: number, value: number): void {
    this.guard.check(offset);
    if (offset >= CONFIG_START) {
      this.checkConfigTime(offset, true);
      return this.config.write(offset - CONFIG_START, width, value);
    }
    const register = decode(this.referee, this.disk.version, offset, width, true);
    if (register.name === "Status") return this.writeStatus(value);
    this.status.checkMove(register.name, true);
    this.writeRegister(register, value);
  }

  sizeMax(index: number): number {
    return index === 0 ? this.queueSizeMax : 0;
  }

  checkSetupTime(what: string): void {
    const isLate = this.status.has(Status.DRIVER_OK);
    this.referee.require(!isLate, "STATUS-05", `${what} written after DRIVER_OK`);
  }

  start(place: QueuePlace): void {
    const hasIndirect = this.accepted.has(F.INDIRECT_DESC);
    this.engine.start(place, { hasIndirect, hasEventIdx: this.accepted.has(F.EVENT_IDX) });
  }

  stop(): void {
    this.engine.stop();
  }

  private readPlain(offset: number, width: number): number {
    if (offset >= CONFIG_START) {
      this.checkConfigTime(offset, false);
      this.faults.beforeConfigRead?.(offset - CONFIG_START);
      return this.config.read(offset - CONFIG_START, width);
    }
    const { name } = decode(this.referee, this.disk.version, offset, width, false);
    const identity = this.readIdentity(name);
    if (identity !== undefined) return identity;
    if (name === "Status") return this.status.read(() => this.finishReset());
    this.status.checkMove(name, false);
    return this.readRegister(name);
  }

  private readIdentity(name: string): number | undefined {
    if (name === "MagicValue") return MAGIC;
    if (name === "Version") return this.disk.version;
    if (name === "DeviceID") return DEVICE_ID_BLOCK;
    return name === "VendorID" ? VENDOR : undefined;
  }

  private readRegister(name: string): number {
    switch (name) {
      case "DeviceFeatures":
        this.checkDriver(name);
        return this.features.readOffered();
      case "InterruptStatus":
        this.shownInterrupts = this.interrupts;
        return this.interrupts;
      case "ConfigGeneration":
        this.checkDriver(name);
        return this.config.readGeneration();
      default:
        this.checkQueueTime(name);
        return this.queues.read(name);
    }
  }

  private writeRegister({ name }: Register, value: number): void {
    switch (name) {
      case "DeviceFeaturesSel":
        this.checkDriver(name);
        return this.features.select("device", value);
      case "DriverFeaturesSel":
        this.checkNegotiating(name);
        return this.features.select("driver", value);
      case "DriverFeatures":
        this.checkNegotiating(name);
        return this.features.writeAccepted(value);
      case "QueueNotify":
        return this.notify(value);
      case "InterruptACK":
        this.referee.require((value & ~this.shownInterrupts) === 0, "MMIO-12", `ack of ${value}`);
        this.interrupts &= ~value;
        this.heardInterrupts &= ~value;
        return;
      default:
        this.checkQueueTime(name);
        return this.queues.write(name, value);
    }
  }

  private writeStatus(value: number): void {
    const change = this.status.write(value);
    if (change === "reset") {
      if (this.status.reset(this.faults.resetReads)) this.finishReset();
    } else if (change === "features_ok") {
      this.features.checkComplete();
      const isRefused = this.faults.refusesFeatures || !this.features.isAcceptable;
      if (isRefused) this.status.refuseFeatures();
    } else if (change === "driver_ok") {
      this.goLive();
    }
  }

  private goLive(): void {
    if (this.isLegacy) this.features.checkComplete();
    this.config.checkCapacityRead();
    this.referee.require(this.engine.hasQueue, "STATUS-05", "DRIVER_OK without a queue");
    const { accepted } = this;
    const isCached = accepted.has(F.FLUSH) || accepted.has(F.CONFIG_WCE);
    if (!isCached) this.store.isWriteback = false;
    this.engine.goLive();
  }

  private notify(index: number): void {
    const isLive = this.status.has(Status.DRIVER_OK);
    this.referee.require(isLive, "STATUS-10", "notification before DRIVER_OK");
    const isThere = index === 0 && this.engine.hasQueue;
    this.referee.require(isThere, "MMIO-13", `notification of queue ${index}, not set up`);
    this.config.checkCapacityRead();
    this.engine.kick();
  }

  private finishReset(): void {
    this.engine.stop();
    this.features.reset();
    this.queues.reset();
    this.config.reset();
    this.interrupts = 0;
    this.shownInterrupts = 0;
    this.heardInterrupts = 0;
    this.store.isWriteback = true;
    this.resetCount += 1;
    this.faults.onReset?.();
  }

  private checkDriver(what: string): void {
    const isDriver = this.status.has(Status.DRIVER);
    this.referee.require(isDriver, "STATUS-05", `${what} used before DRIVER was set`);
  }

  private checkNegotiating(what: string): void {
    this.checkDriver(what);
    const { status, referee } = this;
    const isClosed = status.has(this.isLegacy ? Status.DRIVER_OK : Status.FEATURES_OK);
    referee.require(!isClosed, "STATUS-08", `${what} written after the negotiation`);
    const isLate = this.isLegacy && this.engine.hasQueue;
    referee.require(!isLate, "LEGACY-01", `${what} written after a queue was set up`);
  }

  private checkQueueTime(what: string): void {
    this.checkDriver(what);
    const isReady = this.isLegacy || this.status.has(Status.FEATURES_OK);
    this.referee.require(isReady, "STATUS-05", `${what} used before FEATURES_OK`);
  }

  private checkConfigTime(offset: number, isWrite: boolean): void {
    this.status.checkMove("configuration", isWrite);
    if (this.isLegacy && offset === WRITEBACK) return;
    this.checkDriver("configuration");
  }
}
