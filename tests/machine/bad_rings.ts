/** Drivers that get the rings wrong, their barriers, or who owns what is in flight. */

import type { BadDriver } from "./bad_driver.js";
import { F } from "./spec.js";
import { AT, type TestDriver } from "./test_driver.js";

const SLEEP_NS = 1_000_000;

export const BAD_RINGS: readonly BadDriver[] = [
  {
    rule: "SPLIT-10",
    does: "moves avail.idx back",
    after: "live",
    act: (d) => {
      d.request(0, 0, 512);
      d.setAvailIdx(0);
      d.fence();
    },
  },
  {
    rule: "SPLIT-10",
    does: "moves avail.idx by more than the queue size",
    after: "live",
    act: (d) => {
      d.setAvailIdx(17);
      d.fence();
    },
  },
  {
    rule: "SPLIT-12",
    does: "has no fence between ring entry and avail.idx",
    after: "live",
    act: (d) => {
      d.build(0, 0, 512, 0);
      const head = d.build(0, 0, 512, 1);
      d.fence();
      d.put(head);
      d.setAvailIdx(1);
      d.fence();
    },
  },
  {
    rule: "SPLIT-12",
    does: "has no fence between descriptors and avail.idx",
    after: "live",
    act: (d) => {
      d.fence();
      d.build(0, 0, 512);
      d.setAvailIdx(1);
      d.fence();
    },
  },
  {
    rule: "SPLIT-13",
    does: "has no fence between avail.idx and the notification",
    after: "live",
    act: (d) => {
      d.put(d.build(0, 0, 512));
      d.fence();
      d.setAvailIdx(1);
      d.kick();
    },
  },
  {
    rule: "SPLIT-15",
    does: "sets an undefined bit in avail.flags",
    after: "live",
    act: (d) => {
      d.setAvailFlags(2);
      d.fence();
    },
  },
  {
    rule: "SPLIT-15",
    does: "sets avail.flags with EVENT_IDX",
    after: "live",
    disk: { features: [F.EVENT_IDX] },
    wanted: [F.EVENT_IDX],
    act: (d) => {
      d.setAvailFlags(1);
      d.fence();
    },
  },
  {
    rule: "SPLIT-18",
    does: "does not notify",
    after: "live",
    act: (d) => {
      d.publish(d.build(0, 0, 512));
      d.next();
    },
  },
  {
    rule: "SPLIT-18",
    does: "notifies a device that asked not to be",
    mode: "deferred",
    after: "live",
    act: (d) => {
      d.device.engine.setSilence(true);
      d.fence();
      d.send(0, 0, 512);
    },
  },
  {
    rule: "SPLIT-19",
    does: "does not notify although avail_event asks for it",
    after: "live",
    disk: { features: [F.EVENT_IDX] },
    wanted: [F.EVENT_IDX],
    act: (d) => {
      d.publish(d.build(0, 0, 512));
      d.next();
    },
  },
  {
    rule: "SPLIT-19",
    does: "notifies although avail_event does not ask for it",
    mode: "deferred",
    after: "live",
    disk: { features: [F.EVENT_IDX] },
    wanted: [F.EVENT_IDX],
    act: (d) => {
      d.device.engine.setSilence(true);
      d.fence();
      d.send(0, 0, 512);
    },
  },
  {
    rule: "SPLIT-20",
    does: "asks for an interrupt and does not look whether it is too late for one",
    mode: "deferred",
    after: "live",
    act: (d) => {
      d.setAvailFlags(1);
      d.send(0, 0, 512);
      d.next();
      d.setAvailFlags(0);
      d.fence();
      d.rig.sleep(SLEEP_NS);
    },
  },
  {
    rule: "SPLIT-20",
    does: "sleeps until used.idx passes a used_event that it has passed",
    mode: "deferred",
    after: "live",
    disk: { features: [F.EVENT_IDX] },
    wanted: [F.EVENT_IDX],
    act: (d) => {
      d.setUsedEvent(0xffff);
      d.send(0, 0, 512);
      d.rig.sleep(SLEEP_NS);
    },
  },
  {
    rule: "MMIO-11",
    does: "sleeps again without having acknowledged the interrupt that woke it",
    mode: "deferred",
    after: "live",
    act: (d) => {
      for (let i = 0; i < 2; i++) {
        d.send(0, 0, 512);
        d.rig.sleep(SLEEP_NS);
        d.next();
      }
    },
  },
  {
    rule: "RESET-02",
    does: "changes a descriptor that is in flight",
    after: "live",
    act: (d) => tamper(d, AT.table + 16 + 8),
  },
  {
    rule: "RESET-02",
    does: "changes a header that is in flight",
    after: "live",
    act: (d) => tamper(d, AT.header),
  },
  {
    rule: "RESET-02",
    does: "changes data that is being written",
    after: "live",
    act: (d) => tamper(d, d.dataAt(0) + 511),
  },
  {
    rule: "RESET-02",
    does: "uses a descriptor that is in flight for another request",
    after: "live",
    act: (d) => {
      d.device.faults.isHolding = true;
      d.send(1, 0, 512);
      d.publish(d.build(1, 0, 512));
    },
  },
  {
    rule: "RESET-02",
    does: "takes a request back before the reset is over",
    after: "live",
    act: (d) => {
      d.device.faults.isSilent = true;
      d.device.faults.resetReads = 3;
      d.send(1, 0, 512);
      d.write(0x070, 0);
      d.bytes.fill(0, AT.table, AT.table + 48);
      d.reset();
    },
  },
];

/** Flips a byte while a write is held, then lets it complete. */
function tamper(driver: TestDriver, at: number): void {
  driver.device.faults.isHolding = true;
  driver.send(1, 0, 512);
  driver.bytes[at] = (driver.bytes[at] ?? 0) ^ 1;
  driver.device.engine.release();
}
