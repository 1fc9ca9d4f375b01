/** Drivers that get the configuration space wrong. */

import type { BadDriver } from "./bad_driver.js";
import { F } from "./spec.js";

export const BAD_CONFIG: readonly BadDriver[] = [
  {
    rule: "CFG-02",
    does: "reads blk_size although BLK_SIZE is not offered",
    after: "driver",
    disk: { features: [] },
    act: (d) => d.read(0x114),
  },
  {
    rule: "CFG-04",
    does: "reads the capacity of a legacy device once",
    on: 1,
    after: "driver",
    act: (d) => {
      d.acceptFeatures();
      d.read(0x100);
      d.read(0x104);
      d.setUpQueue();
      d.addStatus(4);
    },
  },
  {
    rule: "CFG-04",
    does: "is content with two capacities that differ",
    on: 1,
    after: "queue",
    act: (d) => {
      d.read(0x100);
      d.read(0x104);
      d.device.resize(4096);
      d.read(0x100);
      d.read(0x104);
      d.addStatus(4);
    },
  },
  {
    rule: "MMIO-16",
    does: "reads the capacity without ConfigGeneration before it",
    on: 2,
    after: "driver",
    act: (d) => d.read(0x100),
  },
  {
    rule: "MMIO-16",
    does: "reads the capacity without ConfigGeneration behind it",
    on: 2,
    after: "queue",
    act: (d) => {
      d.read(0x100);
      d.addStatus(4);
    },
  },
  {
    rule: "MMIO-03",
    does: "reads half of a 32-bit field",
    after: "driver",
    act: (d) => d.read(0x114, 2),
  },
  {
    rule: "MMIO-03",
    does: "reads an 8-bit field with 32 bits",
    after: "negotiated",
    disk: { features: [F.CONFIG_WCE] },
    act: (d) => d.read(0x120),
  },
  {
    rule: "MMIO-03",
    does: "reads a field of a modern device byte by byte",
    on: 2,
    after: "driver",
    act: (d) => d.read(0x114, 1),
  },
  {
    rule: "MMIO-01",
    does: "reads behind the configuration space",
    after: "driver",
    act: (d) => d.read(0x100 + 96),
  },
  {
    rule: "MMIO-01",
    does: "writes the capacity",
    after: "negotiated",
    act: (d) => d.write(0x100, 0),
  },
  {
    rule: "BLK-03",
    does: "reads writeback before FEATURES_OK",
    on: 2,
    after: "driver",
    disk: { features: [F.CONFIG_WCE] },
    act: (d) => d.read(0x120, 1),
  },
  {
    rule: "BLK-04",
    does: "writes writeback without CONFIG_WCE",
    after: "live",
    act: (d) => d.write(0x120, 0, 1),
  },
  {
    rule: "BLK-04",
    does: "writes 2 to writeback",
    after: "live",
    disk: { features: [F.CONFIG_WCE] },
    wanted: [F.CONFIG_WCE],
    act: (d) => d.write(0x120, 2, 1),
  },
  {
    rule: "BLK-04",
    does: "switches the cache with a write in flight",
    after: "live",
    disk: { features: [F.CONFIG_WCE] },
    wanted: [F.CONFIG_WCE],
    act: (d) => {
      d.device.faults.isHolding = true;
      d.send(1, 0, 512);
      d.write(0x120, 0, 1);
    },
  },
];
