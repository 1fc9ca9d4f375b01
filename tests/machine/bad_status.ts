/** Drivers that get the status register and the order of initialisation wrong. */

import type { BadDriver } from "./bad_driver.js";
import { F } from "./spec.js";
import { stopQueue } from "./test_driver.js";

export const BAD_STATUS: readonly BadDriver[] = [
  {
    rule: "STATUS-01",
    does: "sets two status bits in one step",
    after: "reset",
    act: (d) => d.addStatus(3),
  },
  {
    rule: "STATUS-01",
    does: "sets a status bit that does not exist",
    after: "driver",
    act: (d) => d.addStatus(32),
  },
  {
    rule: "STATUS-02",
    does: "clears DRIVER_OK",
    after: "live",
    act: (d) => d.write(0x070, d.status & ~4),
  },
  {
    rule: "STATUS-03",
    does: "goes on with the status after FAILED",
    after: "negotiated",
    act: (d) => {
      d.addStatus(128);
      d.addStatus(4);
    },
  },
  {
    rule: "STATUS-05",
    does: "starts without a reset",
    after: "probed",
    act: (d) => d.addStatus(1),
  },
  {
    rule: "STATUS-05",
    does: "sets DRIVER before ACKNOWLEDGE",
    after: "reset",
    act: (d) => d.addStatus(2),
  },
  {
    rule: "STATUS-05",
    does: "selects features before DRIVER",
    after: "reset",
    act: (d) => d.write(0x014, 0),
  },
  {
    rule: "STATUS-05",
    does: "reads the configuration before DRIVER",
    after: "reset",
    act: (d) => d.read(0x100),
  },
  {
    rule: "STATUS-05",
    does: "selects a queue before FEATURES_OK",
    on: 2,
    after: "driver",
    act: (d) => d.write(0x030, 0),
  },
  {
    rule: "STATUS-05",
    does: "sets DRIVER_OK without FEATURES_OK",
    on: 2,
    after: "driver",
    act: (d) => d.addStatus(4),
  },
  {
    rule: "STATUS-05",
    does: "sets DRIVER_OK without a queue",
    after: "negotiated",
    act: (d) => d.addStatus(4),
  },
  {
    rule: "STATUS-05",
    does: "sets a queue up after DRIVER_OK",
    after: "live",
    act: (d) => {
      stopQueue(d);
      d.setUpQueue();
    },
  },
  {
    rule: "STATUS-06",
    does: "does not re-read FEATURES_OK",
    on: 2,
    after: "driver",
    act: (d) => {
      d.acceptFeatures();
      d.addStatus(8);
      d.readCapacity();
    },
  },
  {
    rule: "STATUS-06",
    does: "sets DRIVER_OK right behind FEATURES_OK",
    on: 2,
    after: "driver",
    act: (d) => {
      d.acceptFeatures();
      d.addStatus(8);
      d.addStatus(4);
    },
  },
  {
    rule: "STATUS-06",
    does: "sets a queue up although FEATURES_OK was refused",
    on: 2,
    after: "driver",
    act: (d) => {
      d.device.faults.refusesFeatures = true;
      d.negotiate();
      d.setUpQueue();
    },
  },
  {
    rule: "STATUS-07",
    does: "writes the configuration before FEATURES_OK",
    on: 2,
    after: "driver",
    disk: { features: [F.CONFIG_WCE] },
    act: (d) => d.write(0x120, 1, 1),
  },
  {
    rule: "STATUS-08",
    does: "accepts features after the negotiation",
    after: "live",
    act: (d) => d.write(0x024, 0),
  },
  {
    rule: "STATUS-08",
    does: "accepts features after FEATURES_OK",
    on: 2,
    after: "negotiated",
    act: (d) => d.write(0x020, 0),
  },
  {
    rule: "STATUS-09",
    does: "goes on with the features after FAILED",
    after: "driver",
    act: (d) => {
      d.addStatus(128);
      d.acceptFeatures();
    },
  },
  {
    rule: "STATUS-10",
    does: "notifies before DRIVER_OK",
    after: "queue",
    act: (d) => d.kick(),
  },
  {
    rule: "RESET-01",
    does: "starts again without having read status 0",
    after: "live",
    act: (d) => {
      d.write(0x070, 0);
      d.write(0x070, 1);
    },
  },
  {
    rule: "RESET-01",
    does: "looks at other registers while a reset goes on",
    after: "live",
    act: (d) => {
      d.device.faults.resetReads = 3;
      d.write(0x070, 0);
      d.read(0x070);
      d.read(0x060);
    },
  },
];
