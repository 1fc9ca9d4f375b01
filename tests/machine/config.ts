/**
 * The configuration space of a block device (§5.2.4) and how a driver may read and write it (§2.5,
 * §4.2.2.2).
 *
 * A legacy driver may read byte by byte; a modern one must use the width of the field. The capacity
 * is the one field that does not fit one access: a modern driver encloses its halves in two reads
 * of ConfigGeneration, a legacy driver reads them until two reads agree.
 */

import { get64 } from "./bytes.js";
import type { Disk } from "./options.js";
import { F, Status } from "./spec.js";
import { StatusRegister } from "./status.js";
import { Referee } from "./violation.js";

interface Field {
  readonly offset: number;
  /** Bytes of one access. */
  readonly width: number;
  readonly gate: number | undefined;
  readonly value: (disk: Disk) => number;
}

const WRITEBACK = 32;

const field = (
  offset: number,
  width: number,
  gate: number | undefined,
  value: (disk: Disk) => number,
): Field => ({ offset, width, gate, value });

/** Everything but capacity and writeback, which change while the device lives. */
const FIELDS: readonly Field[] = [
  field(0, 4, undefined, () => 0),
  field(4, 4, undefined, () => 0),
  field(8, 4, F.SIZE_MAX, (d) => d.limits.sizeMax),
  field(12, 4, F.SEG_MAX, (d) => d.limits.segMax),
  field(16, 2, F.GEOMETRY, () => 16),
  field(18, 1, F.GEOMETRY, () => 16),
  field(19, 1, F.GEOMETRY, () => 63),
  field(20, 4, F.BLK_SIZE, (d) => d.blkSize),
  field(24, 1, F.TOPOLOGY, (d) => d.limits.physicalBlockExp),
  field(25, 1, F.TOPOLOGY, (d) => d.limits.alignmentOffset),
  field(26, 2, F.TOPOLOGY, (d) => d.limits.minIoSize),
  field(28, 4, F.TOPOLOGY, (d) => d.limits.optIoSize),
  field(WRITEBACK, 1, F.CONFIG_WCE, () => 0),
  field(34, 2, F.MQ, () => 1),
  field(36, 4, F.DISCARD, (d) => d.limits.maxDiscardSectors),
  field(40, 4, F.DISCARD, (d) => d.limits.maxDiscardSeg),
  field(44, 4, F.DISCARD, (d) => d.limits.discardSectorAlignment),
  field(48, 4, F.WRITE_ZEROES, (d) => d.limits.maxWriteZeroesSectors),
  field(52, 4, F.WRITE_ZEROES, (d) => d.limits.maxWriteZeroesSeg),
  field(56, 1, F.WRITE_ZEROES, (d) => d.limits.writeZeroesMayUnmap),
  field(60, 4, F.SECURE_ERASE, (d) => d.limits.maxSecureEraseSectors),
  field(64, 4, F.SECURE_ERASE, (d) => d.limits.maxSecureEraseSeg),
  field(68, 4, F.SECURE_ERASE, (d) => d.limits.secureEraseSectorAlignment),
];

/** What the configuration space asks of the device around it. */
export interface ConfigOwner {
  readonly disk: Disk;
  readonly offered: ReadonlySet<number>;
  readonly accepted: ReadonlySet<number>;
  readonly status: StatusRegister;
  readonly referee: Referee;
  capacity(): number;
  isWriteback(): boolean;
  setWriteback(isWriteback: boolean): void;
  inFlightCount(): number;
}

export class ConfigSpace {
  generation = 0;
  private wasGenerationRead = false;
  private isCapacityOpen = false;
  /** The last two values seen of each half of the capacity, newest first. */
  private halves: [number[], number[]] = [[], []];
  /** The bytes of the capacity as the driver last saw them; a reset does not make it forget. */
  private readonly shown = new Uint8Array(8);

  constructor(private readonly owner: ConfigOwner) {}

  get shownCapacity(): number {
    return get64(this.shown, 0);
  }

  /** What a read has returned in the end, which a faulty device may have changed. */
  show(offset: number, width: number, value: number): void {
    for (let byte = 0; byte < width && offset + byte < this.shown.length; byte++) {
      this.shown[offset + byte] = value >>> (8 * byte);
    }
  }

  reset(): void {
    this.wasGenerationRead = false;
    this.isCapacityOpen = false;
    this.halves = [[], []];
  }

  readGeneration(): number {
    this.wasGenerationRead = true;
    this.isCapacityOpen = false;
    return this.generation;
  }

  read(offset: number, width: number): number {
    const found = this.find(offset, width);
    this.checkReadable(found);
    let value = found.value(this.owner.disk);
    if (found.offset < 8) value = this.capacityHalf(found.offset, offset === found.offset);
    if (found.offset === WRITEBACK) value = this.owner.isWriteback() ? 1 : 0;
    const shifted = Math.floor(value / 2 ** (8 * (offset - found.offset)));
    return (width === 4 ? shifted : shifted % 2 ** (8 * width)) >>> 0;
  }

  write(offset: number, width: number, value: number): void {
    const { owner } = this;
    const isModern = owner.disk.version === 2;
    const isNegotiating = isModern && !owner.status.has(Status.FEATURES_OK);
    owner.referee.require(!isNegotiating, "STATUS-07", "configuration written before FEATURES_OK");
    const found = this.find(offset, width);
    owner.referee.require(found.offset === WRITEBACK, "MMIO-01", `offset ${offset} is read-only`);
    const canSwitch = isModern ? owner.accepted : owner.offered;
    owner.referee.require(canSwitch.has(F.CONFIG_WCE), "BLK-04", "CONFIG_WCE was not negotiated");
    owner.referee.require(value <= 1, "BLK-04", `writeback set to ${value}`);
    owner.referee.require(
      owner.inFlightCount() === 0,
      "BLK-04",
      "switched with requests in flight",
    );
    owner.setWriteback(value === 1);
  }

  /** The driver starts to use what it has read. */
  checkCapacityRead(): void {
    const { disk, referee } = this.owner;
    if (disk.version === 2) {
      referee.require(
        !this.isCapacityOpen,
        "MMIO-16",
        "no ConfigGeneration read after the capacity",
      );
      return;
    }
    if (this.halves[0].length === 0 && this.halves[1].length === 0) return;
    const isSure = this.halves.every((values) => values.length === 2 && values[0] === values[1]);
    referee.require(isSure, "CFG-04", "no two reads of the capacity agree");
  }

  private find(offset: number, width: number): Field {
    const { disk, referee } = this.owner;
    const found = FIELDS.find((f) => offset >= f.offset && offset + width <= f.offset + f.width);
    const wide = FIELDS.find((f) => offset < f.offset + f.width && offset + width > f.offset);
    if (!found && wide) return referee.forbid("MMIO-03", `${8 * width}-bit access at ${offset}`);
    if (!found)
      return referee.forbid("MMIO-01", `nothing at offset ${offset} of the configuration`);
    const isByteWise = disk.version === 1 && width === 1;
    const isNatural = found.width === width && found.offset === offset;
    referee.require(isNatural || isByteWise, "MMIO-03", `${8 * width}-bit access at ${offset}`);
    return found;
  }

  private checkReadable({ offset, gate }: Field): void {
    const { disk, offered, status, referee } = this.owner;
    const isShown = gate === undefined || offered.has(gate);
    referee.require(isShown, "CFG-02", `field at ${offset} needs feature ${gate}`);
    if (disk.version === 1) return;
    const isEarly = offset === WRITEBACK && !status.has(Status.FEATURES_OK);
    referee.require(!isEarly, "BLK-03", "writeback read before FEATURES_OK");
    if (offset >= 8) return;
    referee.require(
      this.wasGenerationRead,
      "MMIO-16",
      "no ConfigGeneration read before the capacity",
    );
    this.isCapacityOpen = true;
  }

  /** A byte-wise read of a half counts once, by its first byte. */
  private capacityHalf(offset: number, isFirst: boolean): number {
    const capacity = this.owner.capacity();
    const half = offset === 0 ? 0 : 1;
    const value = half === 0 ? capacity % 0x1_0000_0000 : Math.floor(capacity / 0x1_0000_0000);
    if (isFirst) this.halves[half] = [value, ...this.halves[half]].slice(0, 2);
    return value;
  }
}
