/** Queue set-up on an MMIO device of version 2 (§4.2.2, §4.2.3.2). */

import {
  checkFreshRings,
  checkQueueSize,
  type QueueHost,
  type QueueRegisters,
} from "./queue_registers.js";

const ADDRESSES = [
  "QueueDescLow",
  "QueueDescHigh",
  "QueueDriverLow",
  "QueueDriverHigh",
  "QueueDeviceLow",
  "QueueDeviceHigh",
];

interface Setup {
  isReady: boolean;
  wasReadyRead: boolean;
  wasMaxRead: boolean;
  isStopUnread: boolean;
  size: number;
  readonly words: Map<string, number>;
}

export class ModernQueues implements QueueRegisters {
  private selected: number | undefined;
  private setups = new Map<number, Setup>();

  constructor(private readonly host: QueueHost) {}

  reset(): void {
    this.selected = undefined;
    this.setups.clear();
  }

  read(name: string): number {
    const setup = this.current(name);
    if (name === "QueueReady") {
      setup.wasReadyRead = true;
      setup.isStopUnread = false;
      return setup.isReady ? 1 : 0;
    }
    this.checkStopped(setup, name);
    setup.wasMaxRead = true;
    return this.host.sizeMax(this.selected ?? 0);
  }

  write(name: string, value: number): void {
    if (name === "QueueSel") {
      for (const setup of this.setups.values()) this.checkStopped(setup, name);
      this.selected = value;
      return;
    }
    const setup = this.current(name);
    this.checkStopped(setup, name);
    if (name === "QueueReady") return this.writeReady(setup, value);
    const { referee } = this.host;
    referee.require(!setup.isReady, "MMIO-08", `${name} written while QueueReady is 1`);
    this.host.checkSetupTime(name);
    this.checkBegun(setup, name);
    if (name === "QueueSize") {
      checkQueueSize(referee, value, this.host.sizeMax(this.selected ?? 0));
      setup.size = value;
      return;
    }
    referee.require(setup.size > 0, "MMIO-10", `${name} before QueueSize`);
    setup.words.set(name, value);
  }

  private writeReady(setup: Setup, value: number): void {
    const { referee } = this.host;
    const index = this.selected ?? 0;
    referee.require(value <= 1, "MMIO-10", `QueueReady set to ${value}`);
    if (value === 0) {
      if (setup.isReady) this.host.stop();
      this.setups.set(index, { ...freshSetup(), isStopUnread: true });
      return;
    }
    referee.require(!setup.isReady, "MMIO-08", "QueueReady set again");
    this.host.checkSetupTime("QueueReady");
    this.checkBegun(setup, "QueueReady");
    const missing = ADDRESSES.filter((name) => !setup.words.has(name));
    referee.require(setup.size > 0, "MMIO-10", "QueueReady before QueueSize");
    referee.require(missing.length === 0, "MMIO-10", `QueueReady before ${missing.join(", ")}`);
    const place = {
      size: setup.size,
      tablePhys: this.address(setup, "QueueDesc"),
      availPhys: this.address(setup, "QueueDriver"),
      usedPhys: this.address(setup, "QueueDevice"),
    };
    checkFreshRings(this.host, place, "MMIO-10");
    setup.isReady = true;
    this.host.start(place);
  }

  private address({ words }: Setup, name: string): number {
    return (words.get(`${name}High`) ?? 0) * 0x1_0000_0000 + (words.get(`${name}Low`) ?? 0);
  }

  private current(name: string): Setup {
    if (this.selected === undefined) {
      return this.host.referee.forbid("MMIO-10", `${name} without QueueSel`);
    }
    const setup = this.setups.get(this.selected) ?? freshSetup();
    this.setups.set(this.selected, setup);
    return setup;
  }

  private checkBegun(setup: Setup, name: string): void {
    const { referee } = this.host;
    referee.require(setup.wasReadyRead, "MMIO-10", `${name} before QueueReady was read`);
    referee.require(setup.wasMaxRead, "MMIO-10", `${name} before QueueSizeMax was read`);
  }

  private checkStopped(setup: Setup, name: string): void {
    this.host.referee.require(!setup.isStopUnread, "MMIO-09", `${name} before QueueReady read 0`);
  }
}

function freshSetup(): Setup {
  return {
    isReady: false,
    wasReadyRead: false,
    wasMaxRead: false,
    isStopUnread: false,
    size: 0,
    words: new Map(),
  };
}
