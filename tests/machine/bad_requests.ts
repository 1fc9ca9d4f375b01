/** Drivers that send requests a block device must not be sent. */

import type { BadDriver } from "./bad_driver.js";
import { F } from "./spec.js";
import { AT, type TestDriver } from "./test_driver.js";

const FRAMING: readonly BadDriver[] = [
  {
    rule: "LEGACY-11",
    does: "splits the header without ANY_LAYOUT",
    on: 1,
    after: "live",
    act: (d) => {
      const head = d.build(1, 0, 512);
      d.describe(0, d.phys(AT.header), 8, [1, 3]);
      d.describe(3, d.phys(AT.header + 8), 8, [1, 1]);
      post(d, head);
    },
  },
  {
    rule: "LEGACY-11",
    does: "puts data and status into one descriptor without ANY_LAYOUT",
    on: 1,
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.bytes[d.dataAt(0) + 512] = 0xff;
      d.describe(1, d.phys(d.dataAt(0)), 513, [2, 0]);
      post(d, head);
    },
  },
  {
    rule: "BLK-11",
    does: "sends a header that is too short",
    on: 2,
    after: "live",
    act: (d) => {
      const head = d.build(4, 0, 0);
      d.describe(0, d.phys(AT.header), 15, [1, 2]);
      post(d, head);
    },
  },
  {
    rule: "BLK-11",
    does: "sends a header whose reserved field is not zero",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.bytes[AT.header + 4] = 1;
      post(d, head);
    },
  },
  {
    rule: "BLK-11",
    does: "names a sector in GET_ID",
    after: "live",
    act: (d) => d.send(8, 1, 20),
  },
  {
    rule: "BLK-23",
    does: "has no room for the status",
    on: 2,
    after: "live",
    act: (d) => {
      d.header(4, 0);
      d.describe(0, d.phys(AT.header), 16);
      post(d, 0);
    },
  },
  {
    rule: "BLK-23",
    does: "presets the status byte to success",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.bytes[AT.status] = 0;
      post(d, head);
    },
  },
];

const TRANSFERS: readonly BadDriver[] = [
  {
    rule: "BLK-06",
    does: "reads past the capacity",
    after: "live",
    disk: { sectorCount: 8 },
    act: (d) => d.send(0, 7, 1024),
  },
  {
    rule: "BLK-06",
    does: "writes to a sector number near 2^64",
    after: "live",
    act: (d) => {
      const head = d.build(1, 0, 512);
      d.bytes.fill(0xff, AT.header + 8, AT.header + 16);
      post(d, head);
    },
  },
  {
    rule: "BLK-10",
    does: "reads part of a sector",
    after: "live",
    act: (d) => d.send(0, 0, 511),
  },
  {
    rule: "BLK-10",
    does: "writes part of a sector",
    after: "live",
    act: (d) => d.send(1, 0, 513),
  },
  {
    rule: "BLK-10",
    does: "hands over a descriptor of length 0",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.describe(1, d.phys(AT.data), 0, [3, 2]);
      post(d, head);
    },
  },
  {
    rule: "BLK-10",
    does: "gives a write a buffer for the device to write",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.header(1, 0);
      post(d, head);
    },
  },
  {
    rule: "BLK-09",
    does: "names a sector in FLUSH",
    after: "live",
    act: (d) => d.send(4, 1, 0),
  },
  {
    rule: "BLK-09",
    does: "gives FLUSH data",
    after: "live",
    act: (d) => d.send(4, 0, 512),
  },
  {
    rule: "BLK-18",
    does: "asks for the identity with 32 bytes",
    after: "live",
    act: (d) => d.send(8, 0, 32),
  },
  {
    rule: "BLK-19",
    does: "asks for the lifetime with 8 bytes",
    after: "live",
    disk: { features: [F.LIFETIME] },
    wanted: [F.LIFETIME],
    act: (d) => d.send(10, 0, 8),
  },
  {
    rule: "BLK-21",
    does: "sends a segment larger than size_max",
    after: "live",
    disk: { features: [F.SIZE_MAX], limits: { sizeMax: 512 } },
    wanted: [F.SIZE_MAX],
    act: (d) => d.send(0, 0, 1024),
  },
  {
    rule: "BLK-21",
    does: "sends more segments than seg_max",
    after: "live",
    disk: { features: [F.SEG_MAX], limits: { segMax: 1 } },
    wanted: [F.SEG_MAX],
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.describe(1, d.phys(AT.data), 512, [3, 3]);
      d.describe(3, d.phys(AT.data + 512), 512, [3, 2]);
      post(d, head);
    },
  },
  {
    rule: "LEGACY-15",
    does: "sets the barrier bit without F_BARRIER",
    after: "live",
    act: (d) => d.send(0x8000_0000, 0, 512),
  },
  {
    rule: "LEGACY-16",
    does: "sends a SCSI command without F_SCSI",
    after: "live",
    act: (d) => d.send(2, 0, 512),
  },
];

/** Types that need a feature, with as much data as they would have. */
const GATED: readonly (readonly [string, number, number])[] = [
  ["FLUSH", 4, 0],
  ["GET_LIFETIME", 10, 6],
  ["DISCARD", 11, 16],
  ["WRITE_ZEROES", 13, 16],
  ["SECURE_ERASE", 14, 16],
  ["ZONE_APPEND", 15, 512],
  ["ZONE_RESET_ALL", 26, 0],
];

const UNGATED: readonly BadDriver[] = GATED.map(([name, type, dataBytes]) => ({
  rule: "BLK-20",
  does: `sends ${name} without its feature`,
  after: "live",
  disk: { features: [] },
  act: (d) => d.send(type, 0, dataBytes),
}));

interface RangeType {
  readonly name: string;
  readonly type: number;
  readonly feature: number;
}

const RANGE_TYPES: readonly RangeType[] = [
  { name: "DISCARD", type: 11, feature: F.DISCARD },
  { name: "WRITE_ZEROES", type: 13, feature: F.WRITE_ZEROES },
  { name: "SECURE_ERASE", type: 14, feature: F.SECURE_ERASE },
];

const LIMITS = {
  maxDiscardSectors: 64,
  discardSectorAlignment: 8,
  maxWriteZeroesSectors: 64,
  maxSecureEraseSectors: 64,
  secureEraseSectorAlignment: 8,
};

function badRanges({ name, type, feature }: RangeType): BadDriver[] {
  const bad = (rule: string, does: string, act: (d: TestDriver) => void): BadDriver => ({
    rule,
    does: `${does} ${name}`,
    after: "live",
    disk: { features: [feature], limits: LIMITS },
    wanted: [feature],
    act,
  });
  return [
    bad("BLK-06", "goes past the capacity with", (d) => sendRange(d, type, [2040, 16, 0])),
    bad("BLK-11", "names a sector in the header of", (d) => d.send(type, 8, 16)),
    bad("BLK-12", "sends half a range with", (d) => d.send(type, 0, 24)),
    bad("BLK-13", "sends too many ranges with", (d) => d.send(type, 0, 32)),
    bad("BLK-14", "asks for too many sectors with", (d) => sendRange(d, type, [0, 128, 0])),
    bad("BLK-16", "sets an undefined flag in", (d) => sendRange(d, type, [0, 8, 2])),
  ];
}

const RANGES: readonly BadDriver[] = [
  ...RANGE_TYPES.flatMap(badRanges),
  {
    rule: "BLK-14",
    does: "discards a misaligned range",
    after: "live",
    disk: { features: [F.DISCARD], limits: LIMITS },
    wanted: [F.DISCARD],
    act: (d) => sendRange(d, 11, [4, 8, 0]),
  },
  {
    rule: "BLK-15",
    does: "sets unmap in DISCARD",
    after: "live",
    disk: { features: [F.DISCARD] },
    wanted: [F.DISCARD],
    act: (d) => sendRange(d, 11, [0, 8, 1]),
  },
];

function post(driver: TestDriver, head: number): void {
  driver.publish(head);
  driver.kick();
}

/** Sends one range: sector, count, flags. */
export function sendRange(driver: TestDriver, type: number, range: readonly number[]): void {
  const [sector = 0, count = 0, flags = 0] = range;
  const at = driver.dataAt(0);
  driver.view.setBigUint64(at, BigInt(sector), true);
  driver.view.setUint32(at + 8, count, true);
  driver.view.setUint32(at + 12, flags, true);
  driver.send(type, 0, 16);
}

export const BAD_REQUESTS = [...FRAMING, ...TRANSFERS, ...UNGATED, ...RANGES];
