/**
 * What both ways of setting up a queue share: the device around them, and the memory a queue starts
 * with.
 */

import { GuestMemory } from "./memory.js";
import type { QueuePlace } from "./queue.js";
import { MAX_QUEUE_SIZE } from "./spec.js";
import { Referee } from "./violation.js";

/** The registers of queue set-up, by name; which of them exist is checked before. */
export interface QueueRegisters {
  read(name: string): number;
  write(name: string, value: number): void;
  /** The device has been reset: nothing is selected, nothing set. */
  reset(): void;
}

export interface QueueHost {
  readonly memory: GuestMemory;
  readonly referee: Referee;
  /** 0 for a queue the device does not have. */
  sizeMax(index: number): number;
  /** The driver sets a queue up: it must be the time for it. */
  checkSetupTime(what: string): void;
  start(place: QueuePlace): void;
  stop(): void;
}

export const isPowerOfTwo = (value: number): boolean =>
  value > 0 && Number.isInteger(Math.log2(value));

export function checkQueueSize(referee: Referee, value: number, sizeMax: number): void {
  referee.require(value <= sizeMax, "MMIO-07", `queue size ${value}, at most ${sizeMax}`);
  const isValid = isPowerOfTwo(value) && value <= MAX_QUEUE_SIZE;
  referee.require(isValid, "SPLIT-02", `queue size ${value}`);
}

/**
 * The rings are aligned, inside memory, and zero; `rule` is the one that asks for zeroed memory.
 */
export function checkFreshRings(host: QueueHost, place: QueuePlace, rule: string): void {
  const { memory, referee } = host;
  const { size, tablePhys, availPhys, usedPhys } = place;
  referee.require(tablePhys % 16 === 0, "SPLIT-01", `table at 0x${tablePhys.toString(16)}`);
  referee.require(availPhys % 2 === 0, "SPLIT-01", `available ring at 0x${availPhys.toString(16)}`);
  referee.require(usedPhys % 4 === 0, "SPLIT-01", `used ring at 0x${usedPhys.toString(16)}`);
  memory.slice(tablePhys, 16 * size);
  memory.slice(availPhys, 6 + 2 * size);
  const used = memory.slice(usedPhys, 6 + 8 * size);
  referee.require(memory.read16(usedPhys) === 0, "SPLIT-17", "used.flags is not zero at the start");
  referee.require(memory.read16(availPhys + 2) === 0, rule, "avail.idx is not zero at the start");
  referee.require(
    used.every((byte) => byte === 0),
    rule,
    "the used ring is not zero at the start",
  );
}
