/** Version 2 of the MMIO registers (§4.2.2, queue set-up in the order of §4.2.3.2). */
import * as host from "../host";
import { physOf } from "../dma";
import { E_OK, E_QUEUE } from "../util/errors";
import { TransportState } from "./inspect";
import * as reg from "./layout";
import { MmioTransport } from "./mmio";

export class MmioModern extends MmioTransport {
  describe(): string {
    return "virtio-mmio version 2 (modern)";
  }

  isLegacy(): bool {
    return false;
  }

  readDeviceFeatures(): u64 {
    const low: u64 = this.readFeatures(0);
    return low | ((<u64>this.readFeatures(1)) << 32);
  }

  writeDriverFeatures(features: u64): void {
    this.writeFeatures(0, <u32>features);
    this.writeFeatures(1, <u32>(features >> 32));
  }

  activateQueue(index: u32, size: u32, descPtr: usize, availPtr: usize, usedPtr: usize): i32 {
    this.write(reg.QueueSel, index);
    if (host.mmioRead32(this.window, reg.QueueReady) != 0) return E_QUEUE;
    this.write(reg.QueueSize, size);
    this.writeAddress(reg.QueueDescLow, descPtr);
    this.writeAddress(reg.QueueDriverLow, availPtr);
    this.writeAddress(reg.QueueDeviceLow, usedPtr);
    host.fence(); // the zeroed rings are in memory before the device may look at them
    this.write(reg.QueueReady, 1);
    return host.mmioRead32(this.window, reg.QueueReady) == 1 ? E_OK : E_QUEUE;
  }

  private writeAddress(lowRegister: u32, ptr: usize): void {
    const phys = physOf(ptr);
    this.write(lowRegister, <u32>phys);
    this.write(lowRegister + 4, <u32>(phys >> 32));
  }

  readConfigGeneration(): u32 {
    return host.mmioRead32(this.window, reg.ConfigGeneration);
  }

  protected inspectQueue(state: TransportState): void {
    const record = this.record;
    state.pageBytes = 0;
    state.alignBytes = 0;
    state.isPageSizeLate = false;
    state.placeWritten = record.value(reg.QueueReady);
    state.placeRead = state.setUpCount > 0 ? host.mmioRead32(this.window, reg.QueueReady) : 0;
    if (state.placeRead == 0) return;
    const usedPhys = record.value64(reg.QueueDeviceLow);
    state.setRule(record.value64(reg.QueueDescLow), record.value64(reg.QueueDriverLow), usedPhys);
  }
}
