/**
 * What a driver asks of the bus between it and a virtio device. Everything above this file works on
 * any transport.
 *
 * A transport carries registers and addresses, it decides nothing: the order of initialisation is
 * in negotiate.ts, the rings are in queue.ts, the meaning of the configuration space is the device
 * driver's.
 */
import { TransportState } from "./inspect";

export abstract class Transport {
  /** Name and version for people, such as `virtio-mmio version 2`. */
  abstract describe(): string;

  /**
   * Whether this is a legacy device: no FEATURES_OK, no generation counter, 32 feature bits
   * (§2.2.3).
   */
  abstract isLegacy(): bool;

  abstract readStatus(): u32;
  abstract writeStatus(status: u32): void;

  /** All feature bits that the device offers (§2.2). */
  abstract readDeviceFeatures(): u64;
  /** Tells the device the features that the driver accepts. */
  abstract writeDriverFeatures(features: u64): void;

  /**
   * Largest size of queue `index`, 0 when there is no such queue. Valid until the queue is
   * activated.
   */
  abstract queueSizeMax(index: u32): u32;

  /**
   * Registers a queue whose zeroed memory starts at `descPtr` and is laid out as in Virtqueue.
   * Returns E_OK, or E_QUEUE when the device does not take it.
   */
  abstract activateQueue(
    index: u32,
    size: u32,
    descPtr: usize,
    availPtr: usize,
    usedPtr: usize,
  ): i32;

  /** Tells the device that queue `index` has new buffers. */
  abstract notify(index: u32): void;

  /**
   * Changes whenever a configuration field may have changed; always 0 on a legacy device (§2.5).
   */
  abstract readConfigGeneration(): u32;
  abstract readConfig8(offset: u32): u32;
  abstract readConfig16(offset: u32): u32;
  abstract readConfig32(offset: u32): u32;
  abstract writeConfig8(offset: u32, value: u32): void;

  /**
   * Acknowledges what the device has interrupted for (§4.2.3.4.1). Returns whether its
   * configuration may have changed since this was asked last.
   */
  abstract takeInterrupts(): bool;

  /** Finds out what the device says now and what it was told. Changes nothing. */
  abstract inspect(state: TransportState): void;
}

const CONFIG_READ_TRIES: i32 = 16;

/**
 * A 64-bit configuration field in two halves that belong together: the generation has not changed
 * in between, and two reads in a row agree, which is all that a legacy device allows (§2.5.1,
 * §2.5.4). A device that never holds still gives u64.MAX_VALUE.
 */
export function readConfigU64(transport: Transport, offset: u32): u64 {
  let generation = transport.readConfigGeneration();
  let previous = readHalves(transport, offset);
  for (let i = 0; i < CONFIG_READ_TRIES; ++i) {
    const value = readHalves(transport, offset);
    const generationAfter = transport.readConfigGeneration();
    if (value == previous && generation == generationAfter) return value;
    previous = value;
    generation = generationAfter;
  }
  return u64.MAX_VALUE;
}

function readHalves(transport: Transport, offset: u32): u64 {
  const low: u64 = transport.readConfig32(offset);
  return low | ((<u64>transport.readConfig32(offset + 4)) << 32);
}
