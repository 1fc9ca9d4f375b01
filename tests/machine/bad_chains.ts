/** Drivers that build wrong descriptor chains. */

import type { BadDriver } from "./bad_driver.js";
import { F } from "./spec.js";
import { AT, type TestDriver } from "./test_driver.js";

export const BAD_CHAINS: readonly BadDriver[] = [
  {
    rule: "SPLIT-03",
    does: "puts a readable buffer behind a writable one",
    after: "live",
    act: (d) => {
      const head = d.build(1, 0, 512);
      d.describe(1, d.phys(AT.data), 512, [3, 2]);
      d.describe(2, d.phys(AT.status), 1, [0, 0]);
      d.publish(head);
    },
  },
  {
    rule: "SPLIT-05",
    does: "builds a chain that loops",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.describe(2, d.phys(AT.status), 1, [3, 1]);
      d.publish(head);
    },
  },
  {
    rule: "SPLIT-05",
    does: "builds a chain of more than 4 GiB",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.describe(1, d.phys(AT.data), 0xffff_ffff, [3, 2]);
      d.publish(head);
    },
  },
  {
    rule: "SPLIT-06",
    does: "links to a descriptor outside the table",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.describe(1, d.phys(AT.data), 512, [3, 16]);
      d.publish(head);
    },
  },
  {
    rule: "SPLIT-06",
    does: "publishes a head outside the table",
    after: "live",
    act: (d) => d.publish(16),
  },
  {
    rule: "SPLIT-06",
    does: "uses an indirect table longer than the queue",
    after: "live",
    disk: { features: [F.INDIRECT_DESC] },
    wanted: [F.INDIRECT_DESC],
    act: (d) => publishIndirect(d, 4, 17 * 16),
  },
  {
    rule: "SPLIT-08",
    does: "uses INDIRECT without having negotiated it",
    after: "live",
    act: (d) => publishIndirect(d, 4, 48),
  },
  {
    rule: "SPLIT-08",
    does: "uses INDIRECT together with NEXT",
    after: "live",
    disk: { features: [F.INDIRECT_DESC] },
    wanted: [F.INDIRECT_DESC],
    act: (d) => publishIndirect(d, 5, 48),
  },
  {
    rule: "SPLIT-08",
    does: "uses INDIRECT inside an indirect table",
    after: "live",
    disk: { features: [F.INDIRECT_DESC] },
    wanted: [F.INDIRECT_DESC],
    act: (d) => {
      d.describe(0, d.phys(AT.data), 16, [4, 0], AT.data);
      publishIndirect(d, 4, 48);
    },
  },
  {
    rule: "SPLIT-08",
    does: "sets a descriptor flag that does not exist",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.describe(2, d.phys(AT.status), 1, [2 | 8, 0]);
      d.publish(head);
    },
  },
  {
    rule: "SPLIT-09",
    does: "uses an indirect table of no whole number of entries",
    after: "live",
    disk: { features: [F.INDIRECT_DESC] },
    wanted: [F.INDIRECT_DESC],
    act: (d) => publishIndirect(d, 4, 40),
  },
  {
    rule: "FEAT-07",
    does: "gives the device an offset instead of a device address",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.describe(1, d.dataAt(0), 512, [3, 2]);
      d.publish(head);
    },
  },
  {
    rule: "FEAT-07",
    does: "gives the device a buffer that ends outside memory",
    after: "live",
    act: (d) => {
      const head = d.build(0, 0, 512);
      d.describe(1, d.phys(d.bytes.length - 511), 512, [3, 2]);
      d.publish(head);
    },
  },
];

/**
 * Publishes one descriptor with `flags` that refers to a table of `lengthBytes` bytes at the data
 * area.
 */
function publishIndirect(driver: TestDriver, flags: number, lengthBytes: number): void {
  driver.describe(0, driver.phys(AT.data), lengthBytes, [flags, 1]);
  driver.publish(0);
}
