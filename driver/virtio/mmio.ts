/**
 * virtio over MMIO: what versions 1 and 2 have in common (§4.2). Control registers are aligned
 * 32-bit accesses.
 *
 * Probing touches the three identification registers in their order and nothing else, as an empty
 * slot demands (§4.2.3.1.1).
 */
import * as host from "../host";
import { place } from "../util/arena";
import { TransportState } from "./inspect";
import * as reg from "./layout";
import { MmioRecord } from "./mmio_record";
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
  protected window: u32;
  protected record!: MmioRecord;

  init(window: u32): void {
    this.window = window;
    this.record = place<MmioRecord>();
    this.record.init();
  }

  /** Every write to a control register goes through here, but for notifications. */
  protected write(offset: u32, value: u32): void {
    this.record.note(offset, value);
    host.mmioWrite32(this.window, offset, value);
  }

  readStatus(): u32 {
    return host.mmioRead32(this.window, reg.Status);
  }

  writeStatus(status: u32): void {
    this.write(reg.Status, status);
  }

  /** 32 of the feature bits: `half` 0 is bits 0 to 31. The selector comes first (§4.2.2.2). */
  protected readFeatures(half: u32): u32 {
    this.write(reg.DeviceFeaturesSel, half);
    return host.mmioRead32(this.window, reg.DeviceFeatures);
  }

  protected writeFeatures(half: u32, bits: u32): void {
    this.write(reg.DriverFeaturesSel, half);
    this.write(reg.DriverFeatures, bits);
  }

  queueSizeMax(index: u32): u32 {
    this.write(reg.QueueSel, index);
    return host.mmioRead32(this.window, reg.QueueSizeMax);
  }

  notify(index: u32): void {
    this.record.noteNotification(index);
    host.mmioWrite32(this.window, reg.QueueNotify, index);
  }

  readConfig8(offset: u32): u32 {
    return host.mmioRead8(this.window, reg.Config + offset);
  }

  readConfig16(offset: u32): u32 {
    return host.mmioRead16(this.window, reg.Config + offset);
  }

  readConfig32(offset: u32): u32 {
    return host.mmioRead32(this.window, reg.Config + offset);
  }

  writeConfig8(offset: u32, value: u32): void {
    host.mmioWrite8(this.window, reg.Config + offset, value);
  }

  takeInterrupts(): bool {
    const known = reg.INTERRUPT_USED_BUFFER | reg.INTERRUPT_CONFIG_CHANGE;
    const causes = host.mmioRead32(this.window, reg.InterruptStatus) & known;
    if (causes != 0) this.write(reg.InterruptACK, causes);
    return (causes & reg.INTERRUPT_CONFIG_CHANGE) != 0;
  }

  inspect(state: TransportState): void {
    const record = this.record;
    state.isLegacy = this.isLegacy();
    state.isVirtio = host.mmioRead32(this.window, reg.MagicValue) == reg.MAGIC_VALUE;
    state.version = host.mmioRead32(this.window, reg.Version);
    state.deviceId = host.mmioRead32(this.window, reg.DeviceID);
    state.status = this.readStatus();
    state.statusWritten = record.value(reg.Status);
    state.isResetting = state.statusWritten == 0;
    state.interruptStatus = state.isResetting
      ? 0
      : host.mmioRead32(this.window, reg.InterruptStatus);
    state.resetCount = record.resetCount;
    state.setUpCount = record.setUpCount;
    state.queueSize = record.value(reg.QueueSize);
    state.hasNotified = record.hasNotified;
    state.notifiedQueue = record.notifiedQueue;
    state.setRule(0, 0, 0);
    this.inspectQueue(state);
  }

  /** The part that differs: how a queue is registered. The queue that was selected last. */
  protected abstract inspectQueue(state: TransportState): void;
}
