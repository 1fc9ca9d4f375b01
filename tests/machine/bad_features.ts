/** Drivers that negotiate features wrongly. */

import type { BadDriver } from "./bad_driver.js";
import { F } from "./spec.js";

export const BAD_FEATURES: readonly BadDriver[] = [
  {
    rule: "FEAT-01",
    does: "accepts what is not offered",
    after: "driver",
    act: (d) => d.negotiate([F.DISCARD]),
  },
  {
    rule: "FEAT-03",
    does: "accepts a bit that has no meaning",
    after: "driver",
    disk: { features: [20] },
    act: (d) => d.negotiate([20]),
  },
  {
    rule: "FEAT-03",
    does: "accepts a legacy bit on a modern device",
    on: 2,
    after: "driver",
    disk: { features: [F.ANY_LAYOUT] },
    act: (d) => d.negotiate([F.ANY_LAYOUT]),
  },
  {
    rule: "FEAT-06",
    does: "does not accept VERSION_1",
    on: 2,
    after: "driver",
    act: (d) => {
      for (const word of [0, 1]) {
        d.write(0x024, word);
        d.write(0x020, 0);
      }
      d.addStatus(8);
    },
  },
  {
    rule: "FEAT-10",
    does: "accepts SR_IOV",
    on: 2,
    after: "driver",
    disk: { features: [F.SR_IOV] },
    act: (d) => d.negotiate([F.SR_IOV]),
  },
  {
    rule: "FEAT-11",
    does: "accepts ADMIN_VQ",
    on: 2,
    after: "driver",
    disk: { features: [F.ADMIN_VQ] },
    act: (d) => d.negotiate([F.ADMIN_VQ]),
  },
  {
    rule: "FEAT-13",
    does: "declines ANY_LAYOUT",
    on: 1,
    after: "queue",
    disk: { features: [F.ANY_LAYOUT] },
    act: (d) => d.addStatus(4),
  },
  {
    rule: "FEAT-13",
    does: "accepts bit 30",
    after: "driver",
    disk: { features: [F.UNUSED] },
    act: (d) => d.negotiate([F.UNUSED]),
  },
  {
    rule: "LEGACY-01",
    does: "sets FEATURES_OK on a legacy device",
    on: 1,
    after: "driver",
    act: (d) => d.addStatus(8),
  },
  {
    rule: "LEGACY-01",
    does: "accepts features after a queue was set up",
    on: 1,
    after: "queue",
    act: (d) => d.acceptFeatures(),
  },
  {
    rule: "LEGACY-02",
    does: "accepts features above 31 on a legacy device",
    on: 1,
    after: "driver",
    act: (d) => {
      d.write(0x024, 1);
      d.write(0x020, 1);
    },
  },
  {
    rule: "BLK-08",
    does: "declines RO",
    after: "driver",
    disk: { isReadOnly: true },
    wanted: [],
    act: (d) => {
      d.negotiate();
      d.setUpQueue();
      d.addStatus(4);
    },
  },
];
