/**
 * One MMIO window, what may be done to it before it is known what is behind it (§4.2.2,
 * §4.2.3.1.1), and the windows with nothing for this driver behind them.
 */

import { MAGIC, type Register, REGISTERS, type Version } from "./spec.js";
import { Referee } from "./violation.js";

export interface Window {
  readonly lengthBytes: number;
  read(offset: number, width: number): number;
  write(offset: number, width: number, value: number): void;
  /** The driver has passed a fence: what it wrote before is visible. */
  fence(): void;
}

/** SHMSel to SHMBaseHigh: a block device has no shared memory region. */
const SHARED_MEMORY = [0x0ac, 0x0c0] as const;
export const WINDOW_BYTES = 0x1000;

/** The register at `offset`, if it may be accessed like this. */
export function decode(
  referee: Referee,
  version: Version,
  offset: number,
  width: number,
  isWrite: boolean,
): Register {
  const found = REGISTERS.find((r) => offset >= r.offset && offset < r.offset + 4);
  const where = `offset 0x${offset.toString(16)}`;
  const isShared = version === 2 && offset >= SHARED_MEMORY[0] && offset < SHARED_MEMORY[1];
  referee.require(!isShared, "MMIO-14", `shared memory register at ${where}`);
  if (!found?.versions.includes(version)) {
    return referee.forbid("MMIO-01", `no register at ${where} in version ${version}`);
  }
  const isWhole = width === 4 && offset === found.offset;
  referee.require(isWhole, "MMIO-02", `${8 * width}-bit access to ${found.name}`);
  const isAllowed = isWrite ? found.isWritable : found.isReadable;
  const direction = isWrite ? "written" : "read";
  referee.require(isAllowed, "MMIO-01", `${found.name} ${direction}`);
  return found;
}

/** Demands that MagicValue, Version and DeviceID are read, in this order, before anything else. */
export class ProbeGuard {
  private step = 0;

  constructor(private readonly referee: Referee) {}

  check(offset: number): void {
    const expected = this.step * 4;
    if (offset === expected && this.step < 3) this.step += 1;
    else if (offset > expected || this.step === 0) {
      const isOpen = this.step === 3;
      const where = `offset 0x${offset.toString(16)}`;
      this.referee.require(isOpen, "MMIO-05", `${where} before magic, version and DeviceID`);
    }
  }
}

export interface ForeignOptions {
  readonly magic?: number;
  readonly version?: number;
  readonly deviceId?: number;
}

/**
 * An empty slot, another type of device, or something that is not virtio: it may be identified,
 * nothing more.
 */
export class ForeignWindow implements Window {
  readonly lengthBytes = WINDOW_BYTES;
  private readonly guard: ProbeGuard;
  private readonly identity: readonly number[];

  constructor(
    private readonly referee: Referee,
    { magic = MAGIC, version = 2, deviceId = 0 }: ForeignOptions = {},
  ) {
    this.guard = new ProbeGuard(referee);
    this.identity = [magic, version, deviceId];
  }

  read(offset: number, width: number): number {
    const [magic, version] = this.identity;
    const isTransport = magic === MAGIC && (version === 1 || version === 2);
    const isSkipped = !isTransport && offset >= 8;
    this.referee.require(!isSkipped, "MMIO-04", `magic ${magic}, version ${version} not skipped`);
    this.guard.check(offset);
    const isProbe = offset < 12;
    const where = `offset 0x${offset.toString(16)}`;
    this.referee.require(isProbe, "MMIO-05", `${where} of a device that is not for this driver`);
    const { offset: at } = decode(this.referee, 2, offset, width, false);
    return this.identity[at / 4] ?? 0;
  }

  write(offset: number): void {
    this.referee.forbid("MMIO-05", `offset 0x${offset.toString(16)} written in a foreign window`);
  }

  fence(): void {
    return;
  }
}
