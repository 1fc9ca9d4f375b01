/** Version 2 of the MMIO registers (§4.2.2, queue set-up in the order of §4.2.3.2). */
import * as host from "../host";
import { physOf } from "../dma";
import { E_OK, E_QUEUE } from "../util/errors";
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
    host.mmioWrite32(this.window, reg.QueueSel, index);
    if (host.mmioRead32(this.window, reg.QueueReady) != 0) return E_QUEUE;
    host.mmioWrite32(this.window, reg.QueueSize, size);
    this.writeAddress(reg.QueueDescLow, descPtr);
    this.writeAddress(reg.QueueDriverLow, availPtr);
    this.writeAddress(reg.QueueDeviceLow, usedPtr);
    host.fence(); // the zeroed rings are in memory before the device may look at them
    host.mmioWrite32(this.window, reg.QueueReady, 1);
    return host.mmioRead32(this.window, reg.QueueReady) == 1 ? E_OK : E_QUEUE;
  }

  private writeAddress(lowRegister: u32, ptr: usize): void {
    const phys = physOf(ptr);
    host.mmioWrite32(this.window, lowRegister, <u32>phys);
    host.mmioWrite32(this.window, lowRegister + 4, <u32>(phys >> 32));
  }

  readConfigGeneration(): u32 {
    return host.mmioRead32(this.window, reg.ConfigGeneration);
  }
}
