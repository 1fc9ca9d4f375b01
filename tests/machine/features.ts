/** The feature registers: what the device offers, what the driver may accept (§2.2, §6, §4.2.2). */

import { type Disk, offeredFeatures } from "./options.js";
import { F } from "./spec.js";
import { Referee } from "./violation.js";

const KNOWN = new Set<number>(Object.values(F));
const LEGACY_ONLY = new Set<number>([F.BARRIER, F.SCSI, F.NOTIFY_ON_EMPTY, F.ANY_LAYOUT, F.UNUSED]);

/**
 * Accepting one of these changes rings or registers in a way this model does not play: FEATURES_OK
 * is refused.
 */
const NOT_PLAYED: readonly number[] = [
  F.ZONED,
  F.RING_PACKED,
  F.IN_ORDER,
  F.NOTIFICATION_DATA,
  F.NOTIF_CONFIG_DATA,
  F.RING_RESET,
  F.SUSPEND,
];

export class FeatureRegisters {
  readonly accepted = new Set<number>();
  offered: Set<number>;
  private deviceSel: number | undefined;
  private driverSel: number | undefined;

  constructor(
    private readonly disk: Disk,
    private readonly referee: Referee,
  ) {
    this.offered = offeredFeatures(disk);
  }

  reset(): void {
    this.accepted.clear();
    this.deviceSel = undefined;
    this.driverSel = undefined;
  }

  select(register: "device" | "driver", word: number): void {
    if (register === "device") this.deviceSel = word;
    else this.driverSel = word;
  }

  readOffered(): number {
    const word = this.deviceSel;
    if (word === undefined) {
      return this.referee.forbid("MMIO-06", "DeviceFeatures read without DeviceFeaturesSel");
    }
    if (this.disk.version === 1 && word > 0) return 0;
    return [...this.offered]
      .filter((bit) => bit >> 5 === word)
      .reduce((value, bit) => (value | (1 << (bit & 31))) >>> 0, 0);
  }

  writeAccepted(value: number): void {
    const word = this.driverSel;
    if (word === undefined) {
      return this.referee.forbid("MMIO-06", "DriverFeatures written without DriverFeaturesSel");
    }
    const isHighWord = this.disk.version === 1 && word > 0;
    this.referee.require(!isHighWord || value === 0, "LEGACY-02", `feature word ${word} written`);
    for (let low = 0; low < 32; low++) {
      const bit = word * 32 + low;
      this.accepted.delete(bit);
      if (((value >>> low) & 1) === 0) continue;
      this.checkBit(bit);
      this.accepted.add(bit);
    }
  }

  /** What must have been accepted by now. */
  checkComplete(): void {
    const { disk, offered, accepted, referee } = this;
    const missed = (bit: number): boolean => offered.has(bit) && !accepted.has(bit);
    referee.require(!missed(F.VERSION_1), "FEAT-06", "VERSION_1 is offered and not accepted");
    referee.require(!missed(F.RO), "BLK-08", "RO is offered and not accepted");
    const missesLayout = disk.version === 1 && missed(F.ANY_LAYOUT);
    referee.require(!missesLayout, "FEAT-13", "ANY_LAYOUT is offered and not accepted");
  }

  /** Whether the device can work with what was accepted. */
  get isAcceptable(): boolean {
    const { requiredFeatures } = this.disk;
    const lacks = requiredFeatures.some((bit) => !this.accepted.has(bit));
    return !lacks && !NOT_PLAYED.some((bit) => this.accepted.has(bit));
  }

  private checkBit(bit: number): void {
    const { referee } = this;
    referee.require(this.offered.has(bit), "FEAT-01", `bit ${bit} accepted and not offered`);
    referee.require(bit !== F.SR_IOV, "FEAT-10", "SR_IOV accepted on MMIO");
    referee.require(bit !== F.ADMIN_VQ, "FEAT-11", "ADMIN_VQ accepted on MMIO");
    referee.require(bit !== F.UNUSED, "FEAT-13", "bit 30 accepted");
    const isForeign = this.disk.version === 2 && LEGACY_ONLY.has(bit);
    referee.require(KNOWN.has(bit) && !isForeign, "FEAT-03", `bit ${bit} is not for this device`);
  }
}
