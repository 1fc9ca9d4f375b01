/**
 * The guest's linear memory as the device sees it: by device address, checked, little endian.
 *
 * Device addresses are plain numbers here; an address too big for one is outside the memory anyway.
 * An access outside the memory is the driver's fault: without an IOMMU every address given to the
 * device is a physical one (FEAT-07).
 *
 * With `isWeak` what the device writes becomes visible at the driver's next fence, except the used
 * index, which is visible at once. That is what a CPU that reorders loads sees, and shows a driver
 * without the barrier of §2.7.14.
 */

import { Referee } from "./violation.js";

interface LateWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export class GuestMemory {
  private view: DataView = new DataView(new ArrayBuffer(0));
  private bytes: Uint8Array = new Uint8Array(0);
  private late: LateWrite[] = [];

  /**
   * `current` returns the buffer: asked at the first use, and again when growth has detached the
   * one in use.
   */
  constructor(
    private readonly current: () => ArrayBufferLike,
    readonly basePhys: number,
    private readonly referee: Referee,
    private readonly isWeak = false,
  ) {}

  /** A live view, valid until the next call of the module. */
  slice(addrPhys: number, lengthBytes: number): Uint8Array {
    const offset = this.locate(addrPhys, lengthBytes);
    return this.bytes.subarray(offset, offset + lengthBytes);
  }

  copy(addrPhys: number, lengthBytes: number): Uint8Array {
    return this.slice(addrPhys, lengthBytes).slice();
  }

  read16(addrPhys: number): number {
    return this.view.getUint16(this.locate(addrPhys, 2), true);
  }

  read32(addrPhys: number): number {
    return this.view.getUint32(this.locate(addrPhys, 4), true);
  }

  read64(addrPhys: number): number {
    return this.read32(addrPhys + 4) * 0x1_0000_0000 + this.read32(addrPhys);
  }

  write(addrPhys: number, bytes: Uint8Array): void {
    const offset = this.locate(addrPhys, bytes.length);
    if (this.isWeak) this.late.push({ offset, bytes: bytes.slice() });
    else this.bytes.set(bytes, offset);
  }

  write16(addrPhys: number, value: number): void {
    this.write(addrPhys, Uint8Array.of(value & 0xff, (value >> 8) & 0xff));
  }

  /** Visible at once, also when the memory is weak: before everything written earlier. */
  writeAhead16(addrPhys: number, value: number): void {
    this.view.setUint16(this.locate(addrPhys, 2), value, true);
  }

  /** The driver's fence: every write so far becomes visible. */
  settle(): void {
    this.refresh();
    for (const { offset, bytes } of this.late) this.bytes.set(bytes, offset);
    this.late = [];
  }

  private locate(addrPhys: number, lengthBytes: number): number {
    this.refresh();
    const offset = addrPhys - this.basePhys;
    if (!(offset >= 0 && offset + lengthBytes <= this.bytes.length)) {
      const where = `0x${addrPhys.toString(16)}, ${lengthBytes} bytes`;
      this.referee.forbid("FEAT-07", `the device was sent outside the guest's memory: ${where}`);
    }
    return offset;
  }

  /** The guest has a new memory: what was written late is lost with the old one. */
  rebind(): void {
    this.bytes = new Uint8Array(0);
    this.late = [];
  }

  private refresh(): void {
    if (this.bytes.length > 0) return;
    const buffer = this.current();
    this.view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
  }
}
