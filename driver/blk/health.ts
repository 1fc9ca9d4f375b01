/**
 * The slow look at a disk: does it ask for a reset, has its configuration changed, is a request
 * over its time?
 */
import { E_NEEDS_RESET, E_OK, E_TIMEOUT } from "../util/errors";
import { DEVICE_NEEDS_RESET } from "../virtio/layout";
import { BlkDevice } from "./device";

/** How often a disk that is waited for is looked at. */
const CHECK_NS: u64 = 10_000_000;

/** A slow look: status, configuration, and the age of the oldest request. */
export function checkHealth(disk: BlkDevice): void {
  disk.nextCheckNs = disk.nowNs + CHECK_NS;
  hearInterrupts(disk);
  if (disk.transport.readStatus() & DEVICE_NEEDS_RESET) explainAndRecover(disk, E_NEEDS_RESET);
  else if (isOverdue(disk)) explainAndRecover(disk, E_TIMEOUT);
}

function explainAndRecover(disk: BlkDevice, cause: i32): void {
  const observer = disk.observer;
  if (observer) observer.stuck(disk);
  disk.recovery.begin(cause);
}

function isOverdue(disk: BlkDevice): bool {
  for (let slot = 0; slot < <i32>disk.queue.chainCount; ++slot) {
    const request = disk.requests.at(slot);
    if (!request.owner || disk.recovery.holds(request)) continue;
    if (disk.nowNs - request.sinceNs >= disk.timeoutNs) return true;
  }
  return false;
}

/** Acknowledges interrupts, and sees whether the capacity has changed. */
export function hearInterrupts(disk: BlkDevice): void {
  if (disk.health != E_OK || !disk.transport.takeInterrupts()) return;
  const before = disk.config.capacitySectors;
  disk.config.readCapacity(disk.transport);
  disk.requests.forget();
  const observer = disk.observer;
  if (observer && disk.config.capacitySectors != before) observer.resized(disk);
}

/** Looks at a disk that nothing is in flight on. */
export function checkIdle(disk: BlkDevice): void {
  if (disk.health != E_OK || disk.recovery.isActive) return;
  hearInterrupts(disk);
  if (disk.transport.readStatus() & DEVICE_NEEDS_RESET) explainAndRecover(disk, E_NEEDS_RESET);
}
