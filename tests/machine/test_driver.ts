/**
 * A small correct driver for the tests of the model, written straight down, with a plain buffer as
 * guest memory.
 *
 * Each step of the initialisation is a method, so that a test can do all steps before the one it
 * gets wrong. It knows one queue and uses each descriptor once per request, three a request.
 */

import type { BlkDevice } from "./mmio.js";
import { F, type Version } from "./spec.js";
import { Rig, type RigOptions } from "./rig.js";
import type { DiskOptions } from "./options.js";

export type Stage = "cold" | "probed" | "reset" | "driver" | "negotiated" | "queue" | "live";

const STAGES: readonly Stage[] = [
  "cold",
  "probed",
  "reset",
  "driver",
  "negotiated",
  "queue",
  "live",
];

/**
 * Offsets in guest memory. The rings lie as the legacy layout with pages of 4096 bytes wants them.
 */
export const AT = { table: 0x4000, used: 0x5000, header: 0x8000, data: 0x10000, status: 0xf000 };
const MEMORY_BYTES = 0x40000;
const POLLS = 20_000;

export interface Used {
  readonly id: number;
  readonly lengthBytes: number;
}

export class TestDriver {
  readonly rig: Rig;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly device: BlkDevice;
  readonly version: Version;
  readonly size = 16;
  status = 0;
  availIdx = 0;
  usedIdx = 0;

  constructor(
    disk: DiskOptions,
    rig: Omit<RigOptions, "slots"> = {},
    private readonly wanted: readonly number[] = [F.BLK_SIZE, F.FLUSH, F.RO],
  ) {
    const buffer = new ArrayBuffer(MEMORY_BYTES);
    this.view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
    this.rig = new Rig({ ...rig, slots: [disk] }, () => buffer);
    this.device = this.rig.disk();
    this.version = this.device.disk.version;
  }

  get availAt(): number {
    return AT.table + 16 * this.size;
  }

  phys(offset: number): number {
    return this.rig.memory.basePhys + offset;
  }

  read(offset: number, width = 4): number {
    return this.rig.bus.read(0, offset, width);
  }

  write(offset: number, value: number, width = 4): void {
    this.rig.bus.write(0, offset, width, value);
  }

  fence(): void {
    this.rig.bus.fence();
  }

  addStatus(bit: number): void {
    this.status |= bit;
    this.write(0x070, this.status);
  }

  /** Does the steps of the initialisation in order, the one named last included. */
  upTo(stage: Stage): this {
    const steps: Record<Stage, () => void> = {
      cold: () => undefined,
      probed: () => this.probe(),
      reset: () => this.reset(),
      driver: () => this.announce(),
      negotiated: () => this.negotiate(),
      queue: () => this.setUpQueue(),
      live: () => this.addStatus(4),
    };
    for (const step of STAGES.slice(0, STAGES.indexOf(stage) + 1)) steps[step]();
    return this;
  }

  probe(): void {
    for (const offset of [0x000, 0x004, 0x008]) this.read(offset);
  }

  /** Returns whether the status came back as 0 within some reads. */
  reset(): boolean {
    this.status = 0;
    this.availIdx = 0;
    this.usedIdx = 0;
    this.write(0x070, 0);
    for (let reads = 0; reads < 100; reads++) if (this.read(0x070) === 0) return true;
    return false;
  }

  announce(): void {
    this.addStatus(1);
    this.addStatus(2);
  }

  negotiate(extra: readonly number[] = []): void {
    this.acceptFeatures(extra);
    if (this.version === 2) {
      this.addStatus(8);
      this.read(0x070);
    }
    this.readCapacity();
  }

  acceptFeatures(extra: readonly number[] = []): void {
    for (const word of this.version === 2 ? [0, 1] : [0]) {
      this.write(0x014, word);
      const offered = this.read(0x010);
      const bits = [...this.wanted, F.VERSION_1].filter((bit) => bit >> 5 === word);
      let value = bits.reduce((sum, bit) => sum | (1 << (bit & 31)), 0) & offered;
      for (const bit of extra) if (bit >> 5 === word) value |= 1 << (bit & 31);
      this.write(0x024, word);
      this.write(0x020, value >>> 0);
    }
  }

  readCapacity(): number {
    const halves = (): number => this.read(0x100) + this.read(0x104) * 2 ** 32;
    if (this.version === 1) {
      halves();
      return halves();
    }
    this.read(0x0fc);
    const capacity = halves();
    this.read(0x0fc);
    return capacity;
  }

  setUpQueue(): void {
    this.bytes.fill(0, AT.table, AT.used + 0x1000);
    if (this.version === 1) this.write(0x028, 4096);
    this.beginQueue();
    this.write(0x038, this.size);
    this.placeQueue();
  }

  /** The queue is selected and looked at. */
  beginQueue(): void {
    this.write(0x030, 0);
    this.read(this.version === 1 ? 0x040 : 0x044);
    this.read(0x034);
  }

  placeQueue(): void {
    if (this.version === 1) {
      this.write(0x03c, 4096);
      this.write(0x040, this.phys(AT.table) / 4096);
      return;
    }
    this.placeRings(AT.table, this.availAt, AT.used);
    this.write(0x044, 1);
  }

  /** Writes the three addresses, modern only. */
  placeRings(table: number, avail: number, used: number): void {
    const parts: [number, number][] = [
      [0x080, table],
      [0x090, avail],
      [0x0a0, used],
    ];
    for (const [register, offset] of parts) {
      this.write(register, this.phys(offset) % 2 ** 32);
      this.write(register + 4, Math.floor(this.phys(offset) / 2 ** 32));
    }
  }

  /** flags: NEXT 1, WRITE 2, INDIRECT 4. `tableAt` is an indirect table, or the queue's own. */
  describe(
    id: number,
    addrPhys: number,
    lengthBytes: number,
    link = [0, 0],
    tableAt = AT.table,
  ): void {
    const at = tableAt + 16 * id;
    const [flags = 0, next = 0] = link;
    this.view.setBigUint64(at, BigInt(addrPhys), true);
    this.view.setUint32(at + 8, lengthBytes, true);
    this.view.setUint16(at + 12, flags, true);
    this.view.setUint16(at + 14, next, true);
  }

  header(type: number, sector: number, at = AT.header): void {
    this.view.setUint32(at, type, true);
    this.view.setUint32(at + 4, 0, true);
    this.view.setBigUint64(at + 8, BigInt(sector), true);
  }

  /**
   * Builds request `slot` (0 to 4) in descriptors 3 x slot and up: header, data, status. The data
   * is at `dataAt(slot)`. Returns the head.
   */
  build(type: number, sector: number, dataBytes: number, slot = 0): number {
    const head = 3 * slot;
    const isIn = type !== 1 && type !== 11 && type !== 13 && type !== 14;
    const [middle, last] = [head + 1, head + 2];
    this.header(type, sector, AT.header + 16 * slot);
    this.bytes[AT.status + slot] = 0xff;
    this.describe(head, this.phys(AT.header + 16 * slot), 16, [1, dataBytes > 0 ? middle : last]);
    const link = [isIn ? 3 : 1, last];
    if (dataBytes > 0) this.describe(middle, this.phys(this.dataAt(slot)), dataBytes, link);
    this.describe(last, this.phys(AT.status + slot), 1, [2, 0]);
    return head;
  }

  dataAt(slot: number): number {
    return AT.data + slot * 0x4000;
  }

  put(head: number): void {
    this.view.setUint16(this.availAt + 4 + 2 * (this.availIdx % this.size), head, true);
  }

  setAvailIdx(idx: number): void {
    this.availIdx = idx & 0xffff;
    this.view.setUint16(this.availAt + 2, this.availIdx, true);
  }

  setAvailFlags(flags: number): void {
    this.view.setUint16(this.availAt, flags, true);
  }

  setUsedEvent(idx: number): void {
    this.view.setUint16(this.availAt + 4 + 2 * this.size, idx, true);
  }

  publish(head: number): void {
    this.put(head);
    this.fence();
    this.setAvailIdx(this.availIdx + 1);
    this.fence();
  }

  kick(): void {
    this.write(0x050, 0);
  }

  send(type: number, sector: number, dataBytes: number, slot = 0): void {
    this.publish(this.build(type, sector, dataBytes, slot));
    this.kick();
  }

  /** Waits for the next used entry; undefined when none comes. */
  next(): Used | undefined {
    for (let polls = 0; polls < POLLS; polls++) {
      if (this.view.getUint16(AT.used + 2, true) !== this.usedIdx) return this.takeUsed();
      this.rig.clock.read();
      this.fence();
    }
    return undefined;
  }

  /** A whole request in slot 0. Returns its status byte. */
  request(type: number, sector: number, dataBytes: number): number | undefined {
    this.send(type, sector, dataBytes);
    return this.next() && this.bytes[AT.status];
  }

  private takeUsed(): Used {
    this.fence();
    const at = AT.used + 4 + 8 * (this.usedIdx % this.size);
    this.usedIdx = (this.usedIdx + 1) & 0xffff;
    return { id: this.view.getUint32(at, true), lengthBytes: this.view.getUint32(at + 4, true) };
  }
}

/** Stops the queue as each version wants it. */
export function stopQueue(driver: TestDriver): void {
  driver.write(driver.version === 1 ? 0x040 : 0x044, 0);
  if (driver.version === 2) driver.read(0x044);
}
