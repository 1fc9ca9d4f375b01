/**
 * Queue set-up on an MMIO device of version 1 (§4.2.4), where one page number stands for all three
 * rings (§2.7.2).
 */

import type { QueuePlace } from "./queue.js";
import {
  checkFreshRings,
  checkQueueSize,
  isPowerOfTwo,
  type QueueHost,
  type QueueRegisters,
} from "./queue_registers.js";

interface Setup {
  pfn: number;
  wasPfnRead: boolean;
  wasMaxRead: boolean;
  size: number;
  align: number;
}

const roundUp = (value: number, align: number): number => Math.ceil(value / align) * align;

/** Table, available ring, padding to `align`, used ring. */
function legacyPlace(basePhys: number, size: number, align: number): QueuePlace {
  const availPhys = basePhys + 16 * size;
  const usedPhys = basePhys + roundUp(16 * size + 2 * (3 + size), align);
  return { size, tablePhys: basePhys, availPhys, usedPhys };
}

export class LegacyQueues implements QueueRegisters {
  private selected: number | undefined;
  private pageSize = 0;
  private setups = new Map<number, Setup>();

  constructor(private readonly host: QueueHost) {}

  reset(): void {
    this.selected = undefined;
    this.pageSize = 0;
    this.setups.clear();
  }

  read(name: string): number {
    const setup = this.current(name);
    if (name === "QueuePFN") {
      setup.wasPfnRead = true;
      return setup.pfn;
    }
    const isFree = setup.pfn === 0;
    this.host.referee.require(isFree, "LEGACY-05", "QueueSizeMax read while the queue is in use");
    setup.wasMaxRead = true;
    return this.host.sizeMax(this.selected ?? 0);
  }

  write(name: string, value: number): void {
    if (name === "GuestPageSize") return this.writePageSize(value);
    if (name === "QueueSel") {
      this.selected = value;
      return;
    }
    const { referee } = this.host;
    const setup = this.current(name);
    if (name === "QueuePFN" && value === 0) return this.stop();
    this.host.checkSetupTime(name);
    referee.require(setup.pfn === 0, "LEGACY-05", `${name} written while the queue is in use`);
    referee.require(setup.wasPfnRead, "LEGACY-04", `${name} before QueuePFN was read`);
    referee.require(setup.wasMaxRead, "LEGACY-04", `${name} before QueueSizeMax was read`);
    if (name === "QueuePFN") return this.writePfn(setup, value);
    if (name === "QueueSize") {
      checkQueueSize(referee, value, this.host.sizeMax(this.selected ?? 0));
      setup.size = value;
      return;
    }
    referee.require(isPowerOfTwo(value), "LEGACY-04", `QueueAlign set to ${value}`);
    setup.align = value;
  }

  private writePageSize(value: number): void {
    const { referee } = this.host;
    referee.require(isPowerOfTwo(value), "LEGACY-03", `GuestPageSize set to ${value}`);
    const isUnused = [...this.setups.values()].every((setup) => setup.pfn === 0);
    referee.require(isUnused, "LEGACY-03", "GuestPageSize written after a QueuePFN");
    this.pageSize = value;
  }

  private writePfn(setup: Setup, pfn: number): void {
    const { referee } = this.host;
    referee.require(this.pageSize > 0, "LEGACY-03", "QueuePFN before GuestPageSize");
    referee.require(setup.size > 0, "LEGACY-04", "QueuePFN before QueueSize");
    referee.require(setup.align > 0, "LEGACY-04", "QueuePFN before QueueAlign");
    const place = legacyPlace(pfn * this.pageSize, setup.size, setup.align);
    checkFreshRings(this.host, place, "LEGACY-04");
    setup.pfn = pfn;
    this.host.start(place);
  }

  private stop(): void {
    const index = this.selected ?? 0;
    const wasInUse = (this.setups.get(index)?.pfn ?? 0) !== 0;
    this.setups.delete(index);
    if (wasInUse) this.host.stop();
  }

  private current(name: string): Setup {
    if (this.selected === undefined) {
      return this.host.referee.forbid("LEGACY-04", `${name} without QueueSel`);
    }
    const fresh = { pfn: 0, wasPfnRead: false, wasMaxRead: false, size: 0, align: 0 };
    const setup = this.setups.get(this.selected) ?? fresh;
    this.setups.set(this.selected, setup);
    return setup;
  }
}
