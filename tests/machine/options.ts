/** What a test chooses about one disk, with the defaults of a plain one. */

import type { SectorStore } from "./disk.js";
import { F, SECTOR_BYTES, type Version } from "./spec.js";

/**
 * Values of the configuration space that are shown when the feature that gates them is offered
 * (§5.2.4).
 */
export interface Limits {
  readonly sizeMax: number;
  readonly segMax: number;
  readonly physicalBlockExp: number;
  readonly alignmentOffset: number;
  readonly minIoSize: number;
  readonly optIoSize: number;
  readonly maxDiscardSectors: number;
  readonly maxDiscardSeg: number;
  readonly discardSectorAlignment: number;
  readonly maxWriteZeroesSectors: number;
  readonly maxWriteZeroesSeg: number;
  readonly writeZeroesMayUnmap: number;
  readonly maxSecureEraseSectors: number;
  readonly maxSecureEraseSeg: number;
  readonly secureEraseSectorAlignment: number;
}

export interface DiskOptions {
  readonly version?: Version;
  readonly sectorCount?: number;
  /** Requests that are not whole blocks are answered with IOERR. */
  readonly blkSize?: number;
  readonly isReadOnly?: boolean;
  /** Feature bits offered besides VERSION_1 and RO, which follow from the options above. */
  readonly features?: readonly number[];
  /** Feature bits without which the device refuses FEATURES_OK. */
  readonly requiredFeatures?: readonly number[];
  readonly queueSizeMax?: number;
  readonly serial?: string;
  /** pre_eol_info, device_lifetime_est_typ_a, device_lifetime_est_typ_b. */
  readonly lifetime?: readonly [number, number, number];
  readonly limits?: Partial<Limits>;
  /** Where the sectors are; its size counts. Memory, unless it is given. */
  readonly store?: SectorStore;
}

export interface Disk extends Required<Omit<DiskOptions, "limits" | "store">> {
  readonly limits: Limits;
  readonly store?: SectorStore;
}

const DEFAULT_LIMITS: Limits = {
  sizeMax: 0,
  segMax: 0,
  physicalBlockExp: 0,
  alignmentOffset: 0,
  minIoSize: 0,
  optIoSize: 0,
  maxDiscardSectors: 1024,
  maxDiscardSeg: 1,
  discardSectorAlignment: 1,
  maxWriteZeroesSectors: 1024,
  maxWriteZeroesSeg: 1,
  writeZeroesMayUnmap: 1,
  maxSecureEraseSectors: 1024,
  maxSecureEraseSeg: 1,
  secureEraseSectorAlignment: 1,
};

const DEFAULT_DISK: Omit<Disk, "limits" | "store"> = {
  version: 2,
  sectorCount: 2048,
  blkSize: SECTOR_BYTES,
  isReadOnly: false,
  features: [F.BLK_SIZE, F.FLUSH],
  requiredFeatures: [],
  queueSizeMax: 256,
  serial: "tsblk-model",
  lifetime: [1, 1, 1],
};

export function resolveDisk(options: DiskOptions): Disk {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  return { ...DEFAULT_DISK, ...options, limits };
}

export function offeredFeatures(disk: Disk): Set<number> {
  const offered = new Set(disk.features);
  if (disk.version === 2) offered.add(F.VERSION_1);
  if (disk.isReadOnly) offered.add(F.RO);
  return offered;
}
