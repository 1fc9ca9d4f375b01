/** Drivers that set a queue up wrongly. */

import type { BadDriver } from "./bad_driver.js";
import { AT, type TestDriver } from "./test_driver.js";

export const BAD_SETUP: readonly BadDriver[] = [
  {
    rule: "MMIO-07",
    does: "sets a queue size above the device's maximum",
    after: "negotiated",
    disk: { queueSizeMax: 8 },
    act: (d) => d.setUpQueue(),
  },
  {
    rule: "SPLIT-02",
    does: "sets a queue size that is no power of two",
    after: "negotiated",
    act: (d) => {
      d.beginQueue();
      d.write(0x038, 12);
    },
  },
  {
    rule: "SPLIT-01",
    does: "misaligns the descriptor table",
    on: 2,
    after: "negotiated",
    act: (d) => placeAt(d, AT.table + 8, d.availAt, AT.used),
  },
  {
    rule: "SPLIT-01",
    does: "misaligns the available ring",
    on: 2,
    after: "negotiated",
    act: (d) => placeAt(d, AT.table, d.availAt + 1, AT.used),
  },
  {
    rule: "SPLIT-01",
    does: "misaligns the used ring",
    on: 2,
    after: "negotiated",
    act: (d) => placeAt(d, AT.table, d.availAt, AT.used + 2),
  },
  {
    rule: "FEAT-07",
    does: "places a ring outside memory",
    on: 2,
    after: "negotiated",
    act: (d) => placeAt(d, AT.table, d.availAt, 0x4000_0000),
  },
  {
    rule: "SPLIT-17",
    does: "leaves used.flags set",
    after: "negotiated",
    act: (d) => dirty(d, AT.used),
  },
  {
    rule: "MMIO-08",
    does: "changes the size of a queue that is ready",
    on: 2,
    after: "queue",
    act: (d) => d.write(0x038, 8),
  },
  {
    rule: "MMIO-08",
    does: "moves a ring of a queue that is ready",
    on: 2,
    after: "queue",
    act: (d) => d.write(0x080, 0),
  },
  {
    rule: "MMIO-08",
    does: "makes a queue ready twice",
    on: 2,
    after: "queue",
    act: (d) => d.write(0x044, 1),
  },
  {
    rule: "MMIO-10",
    does: "writes something else than 0 and 1 to QueueReady",
    on: 2,
    after: "negotiated",
    act: (d) => {
      d.beginQueue();
      d.write(0x044, 2);
    },
  },
  {
    rule: "MMIO-10",
    does: "makes a queue ready without anything else",
    on: 2,
    after: "negotiated",
    act: (d) => {
      d.beginQueue();
      d.write(0x044, 1);
    },
  },
  {
    rule: "MMIO-10",
    does: "does not zero avail.idx",
    on: 2,
    after: "negotiated",
    act: (d) => dirty(d, d.availAt + 2),
  },
  {
    rule: "MMIO-07",
    does: "sets up a queue that does not exist",
    after: "negotiated",
    act: (d) => {
      d.write(0x030, 1);
      d.read(d.version === 1 ? 0x040 : 0x044);
      d.read(0x034);
      d.write(0x038, 8);
    },
  },
  {
    rule: "MMIO-09",
    does: "does not read back that a queue has stopped",
    on: 2,
    after: "queue",
    act: (d) => {
      d.write(0x044, 0);
      d.read(0x034);
    },
  },
  {
    rule: "MMIO-10",
    does: "uses a queue without selecting it",
    on: 2,
    after: "negotiated",
    act: (d) => d.read(0x044),
  },
  {
    rule: "MMIO-10",
    does: "does not look whether the queue is free",
    on: 2,
    after: "negotiated",
    act: (d) => {
      d.write(0x030, 0);
      d.read(0x034);
      d.write(0x038, 8);
    },
  },
  {
    rule: "MMIO-10",
    does: "does not ask for the maximal size",
    on: 2,
    after: "negotiated",
    act: (d) => {
      d.write(0x030, 0);
      d.read(0x044);
      d.write(0x038, 8);
    },
  },
  {
    rule: "MMIO-10",
    does: "makes a queue ready without its size",
    on: 2,
    after: "negotiated",
    act: (d) => {
      d.beginQueue();
      d.placeQueue();
    },
  },
  {
    rule: "MMIO-10",
    does: "makes a queue ready without its addresses",
    on: 2,
    after: "negotiated",
    act: (d) => {
      d.beginQueue();
      d.write(0x038, 16);
      d.write(0x044, 1);
    },
  },
  {
    rule: "MMIO-10",
    does: "does not zero the used ring",
    on: 2,
    after: "negotiated",
    act: (d) => dirty(d, AT.used + 2),
  },
  {
    rule: "LEGACY-03",
    does: "does not set GuestPageSize",
    on: 1,
    after: "negotiated",
    act: (d) => placeLegacy(d),
  },
  {
    rule: "LEGACY-03",
    does: "sets GuestPageSize to the number of bits",
    on: 1,
    after: "negotiated",
    act: (d) => d.write(0x028, 12),
  },
  {
    rule: "LEGACY-03",
    does: "sets GuestPageSize after QueuePFN",
    on: 1,
    after: "queue",
    act: (d) => d.write(0x028, 4096),
  },
  {
    rule: "LEGACY-04",
    does: "uses a queue without selecting it",
    on: 1,
    after: "negotiated",
    act: (d) => d.read(0x040),
  },
  {
    rule: "LEGACY-04",
    does: "does not look whether the queue is free",
    on: 1,
    after: "negotiated",
    act: (d) => {
      d.write(0x030, 0);
      d.read(0x034);
      d.write(0x038, 8);
    },
  },
  {
    rule: "LEGACY-04",
    does: "does not ask for the maximal size",
    on: 1,
    after: "negotiated",
    act: (d) => {
      d.write(0x030, 0);
      d.read(0x040);
      d.write(0x038, 8);
    },
  },
  {
    rule: "LEGACY-04",
    does: "does not set QueueSize",
    on: 1,
    after: "negotiated",
    act: (d) => {
      d.write(0x028, 4096);
      d.beginQueue();
      d.placeQueue();
    },
  },
  {
    rule: "LEGACY-04",
    does: "does not set QueueAlign",
    on: 1,
    after: "negotiated",
    act: (d) => {
      d.write(0x028, 4096);
      d.beginQueue();
      d.write(0x038, 16);
      d.write(0x040, d.phys(AT.table) / 4096);
    },
  },
  {
    rule: "LEGACY-04",
    does: "sets QueueAlign to the number of bits",
    on: 1,
    after: "negotiated",
    act: (d) => {
      d.beginQueue();
      d.write(0x03c, 12);
    },
  },
  {
    rule: "LEGACY-04",
    does: "does not zero the used ring",
    on: 1,
    after: "negotiated",
    act: (d) => dirty(d, AT.used + 2),
  },
  {
    rule: "LEGACY-04",
    does: "does not zero avail.idx",
    on: 1,
    after: "negotiated",
    act: (d) => dirty(d, d.availAt + 2),
  },
  {
    rule: "LEGACY-05",
    does: "reads QueueSizeMax of a queue in use",
    on: 1,
    after: "queue",
    act: (d) => d.read(0x034),
  },
  {
    rule: "LEGACY-05",
    does: "moves a queue in use",
    on: 1,
    after: "queue",
    act: (d) => d.write(0x040, 1),
  },
];

function placeAt(driver: TestDriver, table: number, avail: number, used: number): void {
  driver.beginQueue();
  driver.write(0x038, driver.size);
  driver.placeRings(table, avail, used);
  driver.write(0x044, 1);
}

function placeLegacy(driver: TestDriver): void {
  driver.beginQueue();
  driver.write(0x038, driver.size);
  driver.placeQueue();
}

/** Sets the queue up with a stray byte in the rings. */
function dirty(driver: TestDriver, at: number): void {
  driver.bytes[at] = 1;
  if (driver.version === 1) driver.write(0x028, 4096);
  driver.beginQueue();
  driver.write(0x038, driver.size);
  driver.placeQueue();
}
