/**
 * virtio over MMIO: what versions 1 and 2 have in common (§4.2). Control registers are aligned
 * 32-bit accesses.
 *
 * Probing touches the three identification registers in their order and nothing else, as an empty
 * slot demands (§4.2.3.1.1).
 */
import * as host from "../host";
import * as reg from "./layout";
import { Transport } from "./transport";

/**
 * Register layout of what is in `window`: 1 is legacy, 2 is modern, 0 means that no virtio device
 * is there.
 */
export function mmioVersion(window: u32): u32 {
  if (host.windowLength(window) <= reg.Config) return 0;
  if (host.mmioRead32(window, reg.MagicValue) != reg.MAGIC_VALUE) return 0;
  return host.mmioRead32(window, reg.Version);
}

/**
 * DeviceID of what is in `window`, read after mmioVersion; 0 is an empty slot, to be left alone
 * (§4.2.3.1.1).
 */
export function mmioDeviceId(window: u32): u32 {
  return host.mmioRead32(window, reg.DeviceID);
}

export abstract class MmioTransport extends Transport {
  window: u32;

  readStatus(): u32 {
    return host.mmioRead32(this.window, reg.Status);
  }

  writeStatus(status: u32): void {
    host.mmioWrite32(this.window, reg.Status, status);
  }

  /** 32 of the feature bits: `half` 0 is bits 0 to 31. The selector comes first (§4.2.2.2). */
  protected readFeatures(half: u32): u32 {
    host.mmioWrite32(this.window, reg.DeviceFeaturesSel, half);
    return host.mmioRead32(this.window, reg.DeviceFeatures);
  }

  protected writeFeatures(half: u32, bits: u32): void {
    host.mmioWrite32(this.window, reg.DriverFeaturesSel, half);
    host.mmioWrite32(this.window, reg.DriverFeatures, bits);
  }

  queueSizeMax(index: u32): u32 {
    host.mmioWrite32(this.window, reg.QueueSel, index);
    return host.mmioRead32(this.window, reg.QueueSizeMax);
  }

  notify(index: u32): void {
    host.mmioWrite32(this.window, reg.QueueNotify, index);
  }

  readConfig32(offset: u32): u32 {
    return host.mmioRead32(this.window, reg.Config + offset);
  }
}
