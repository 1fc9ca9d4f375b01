/**
 * Device initialisation: the sequence of §3.1.1 from reset to DRIVER_OK, readable from top to
 * bottom.
 */
import * as host from "../host";
import { E_RESET, E_FEATURES, E_OK } from "../util/errors";
import {
  ACKNOWLEDGE,
  DRIVER,
  DRIVER_OK,
  FAILED,
  FEATURES_OK,
  VIRTIO_F_ANY_LAYOUT,
  VIRTIO_F_VERSION_1,
} from "./layout";
import { Transport } from "./transport";

/** How long a device may take to come out of reset. */
export const RESET_TIMEOUT_NS: u64 = 1_000_000_000;

/** The part of the sequence that differs between device types. */
export abstract class VirtioDriver {
  /**
   * Features that this driver makes use of. No other bit is ever accepted, whatever the device
   * offers.
   */
  abstract knownFeatures(): u64;

  /**
   * Step 7: reads the configuration space and sets up the queues. Returns E_OK or why the device
   * cannot be used.
   */
  abstract setUp(transport: Transport, offered: u64, accepted: u64): i32;
}

/**
 * Brings the device from any state to DRIVER_OK.
 * Returns E_OK; E_RESET when it does not come out of reset; or what `initialise` returned.
 */
export function negotiate(transport: Transport, driver: VirtioDriver): i32 {
  return reset(transport) ? initialise(transport, driver) : E_RESET; // 1
}

/**
 * Brings a device that has been reset to DRIVER_OK.
 * Returns E_OK; or, with FAILED set and the device left alone, E_FEATURES or what `setUp` returned.
 */
export function initialise(transport: Transport, driver: VirtioDriver): i32 {
  addStatus(transport, ACKNOWLEDGE); // 2
  addStatus(transport, DRIVER); // 3

  const offered = transport.readDeviceFeatures(); // 4
  const accepted = offered & (driver.knownFeatures() | transportFeatures(transport));
  if (!transport.isLegacy() && !(accepted & VIRTIO_F_VERSION_1)) return fail(transport, E_FEATURES);
  transport.writeDriverFeatures(accepted);

  if (!transport.isLegacy()) {
    addStatus(transport, FEATURES_OK); // 5
    if (!(transport.readStatus() & FEATURES_OK)) return fail(transport, E_FEATURES); // 6
  }

  const error = driver.setUp(transport, offered, accepted); // 7
  if (error != E_OK) return fail(transport, error);

  addStatus(transport, DRIVER_OK); // 8
  return E_OK;
}

/**
 * A legacy device with ANY_LAYOUT wants it accepted (§6.3); a modern one needs VERSION_1 (§6.1).
 */
function transportFeatures(transport: Transport): u64 {
  return transport.isLegacy() ? VIRTIO_F_ANY_LAYOUT : VIRTIO_F_VERSION_1;
}

/**
 * Resets the device and waits until its status reads 0 (§2.4.2). Returns false when it does not in
 * time.
 */
function reset(transport: Transport): bool {
  transport.writeStatus(0);
  const deadlineNs = host.clockNs() + RESET_TIMEOUT_NS;
  while (transport.readStatus() != 0) {
    if (host.clockNs() >= deadlineNs) return false;
  }
  return true;
}

/** Bits are only ever added; the device may have added some of its own (§2.1.1). */
function addStatus(transport: Transport, bit: u32): void {
  transport.writeStatus(transport.readStatus() | bit);
}

function fail(transport: Transport, error: i32): i32 {
  addStatus(transport, FAILED);
  return error;
}
