/** Drivers that access registers wrongly. */

import type { BadDriver } from "./bad_driver.js";
import { stopQueue } from "./test_driver.js";

export const BAD_REGISTERS: readonly BadDriver[] = [
  {
    rule: "MMIO-01",
    does: "reads an offset where no register is",
    after: "driver",
    act: (d) => d.read(0x01c),
  },
  {
    rule: "MMIO-01",
    does: "writes a read-only register",
    after: "driver",
    act: (d) => d.write(0x010, 0),
  },
  {
    rule: "MMIO-01",
    does: "reads a write-only register",
    after: "negotiated",
    act: (d) => d.read(0x038),
  },
  {
    rule: "MMIO-01",
    does: "writes GuestPageSize of a modern device",
    on: 2,
    after: "negotiated",
    act: (d) => d.write(0x028, 4096),
  },
  {
    rule: "MMIO-01",
    does: "reads QueueReady of a legacy device",
    on: 1,
    after: "negotiated",
    act: (d) => d.read(0x044),
  },
  {
    rule: "MMIO-01",
    does: "reads ConfigGeneration of a legacy device",
    on: 1,
    after: "driver",
    act: (d) => d.read(0x0fc),
  },
  {
    rule: "MMIO-02",
    does: "reads a control register with 16 bits",
    after: "reset",
    act: (d) => d.read(0x070, 2),
  },
  {
    rule: "MMIO-02",
    does: "notifies with 8 bits",
    after: "live",
    act: (d) => d.write(0x050, 0, 1),
  },
  {
    rule: "MMIO-05",
    does: "reads DeviceID before magic and version",
    after: "cold",
    act: (d) => d.read(0x008),
  },
  {
    rule: "MMIO-05",
    does: "resets a device that it has not identified",
    after: "cold",
    act: (d) => {
      d.read(0x000);
      d.read(0x004);
      d.write(0x070, 0);
    },
  },
  {
    rule: "MMIO-06",
    does: "reads features without selecting a word",
    after: "driver",
    act: (d) => d.read(0x010),
  },
  {
    rule: "MMIO-06",
    does: "accepts features without selecting a word",
    after: "driver",
    act: (d) => d.write(0x020, 0),
  },
  {
    rule: "MMIO-12",
    does: "acknowledges an interrupt that it has not seen",
    after: "live",
    act: (d) => d.write(0x064, 1),
  },
  {
    rule: "MMIO-12",
    does: "acknowledges an undefined interrupt",
    after: "live",
    act: (d) => d.write(0x064, 4),
  },
  {
    rule: "MMIO-13",
    does: "notifies a queue that does not exist",
    after: "live",
    act: (d) => d.write(0x050, 1),
  },
  {
    rule: "MMIO-13",
    does: "notifies a queue that it has stopped",
    after: "live",
    act: (d) => {
      stopQueue(d);
      d.kick();
    },
  },
  {
    rule: "MMIO-14",
    does: "selects a shared memory region",
    on: 2,
    after: "driver",
    act: (d) => d.write(0x0ac, 0),
  },
];
