/**
 * Version 1 of the MMIO registers (§4.2.4): one page number registers a whole queue.
 *
 * The device computes where the rings are from the page size, the alignment, the queue size and the
 * page number. Every one of these is written, in this order, since a wrong or missing one makes the
 * device look elsewhere in silence.
 */
import * as host from "../host";
import { PAGE_BYTES, physOf } from "../dma";
import { E_OK, E_QUEUE } from "../util/errors";
import { TransportState } from "./inspect";
import * as reg from "./layout";
import { MmioTransport } from "./mmio";

export class MmioLegacy extends MmioTransport {
  describe(): string {
    return "virtio-mmio version 1 (legacy)";
  }

  isLegacy(): bool {
    return true;
  }

  readDeviceFeatures(): u64 {
    return this.readFeatures(0);
  }

  writeDriverFeatures(features: u64): void {
    this.writeFeatures(0, <u32>features);
  }

  queueSizeMax(index: u32): u32 {
    this.write(reg.QueueSel, index);
    // QueueSizeMax may be read only while the queue is not in use (§4.2.4)
    if (host.mmioRead32(this.window, reg.QueuePFN) != 0) return 0;
    return host.mmioRead32(this.window, reg.QueueSizeMax);
  }

  activateQueue(index: u32, size: u32, descPtr: usize, availPtr: usize, usedPtr: usize): i32 {
    const pageNumber = physOf(descPtr) / PAGE_BYTES;
    assert(physOf(descPtr) % PAGE_BYTES == 0, "queue is not page aligned");
    assert(
      availPtr == descPtr + reg.virtqDescBytes(size),
      "available ring is not behind the table",
    );
    assert(usedPtr % PAGE_BYTES == 0, "used ring is not page aligned");
    if (pageNumber == 0 || pageNumber > u32.MAX_VALUE) return E_QUEUE;

    this.write(reg.GuestPageSize, <u32>PAGE_BYTES);
    this.write(reg.QueueSel, index);
    this.write(reg.QueueSize, size);
    this.write(reg.QueueAlign, <u32>PAGE_BYTES);
    host.fence(); // the zeroed rings are in memory before the device learns where they are
    this.write(reg.QueuePFN, <u32>pageNumber);
    return host.mmioRead32(this.window, reg.QueuePFN) == <u32>pageNumber ? E_OK : E_QUEUE;
  }

  readConfigGeneration(): u32 {
    return 0;
  }

  protected inspectQueue(state: TransportState): void {
    const record = this.record;
    state.pageBytes = record.value(reg.GuestPageSize);
    state.alignBytes = record.value(reg.QueueAlign);
    state.isPageSizeLate = record.isLater(reg.GuestPageSize, reg.QueuePFN);
    state.placeWritten = record.value(reg.QueuePFN);
    state.placeRead = state.setUpCount > 0 ? host.mmioRead32(this.window, reg.QueuePFN) : 0;
    const align = <u64>state.alignBytes;
    if (state.placeRead == 0 || state.pageBytes == 0 || state.queueSize == 0) return;
    if (popcnt(align) != 1) return;
    const tablePhys = <u64>state.placeRead * state.pageBytes; // §2.7.2
    const availPhys = tablePhys + reg.virtqDescBytes(state.queueSize);
    const endPhys = availPhys + reg.virtqAvailBytes(state.queueSize);
    state.setRule(tablePhys, availPhys, (endPhys + align - 1) & ~(align - 1));
  }
}
