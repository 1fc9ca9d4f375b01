/** What blkperf measures when it is not told: the loads that tell disks and drivers apart. */
import { Access, Plan } from "./perf_load";

const KIB: u32 = 1024;
const MIB: u32 = 1024 * KIB;

const READ_ROWS: i32 = 11;
const WRITE_ROWS: i32 = 7;

/** Number of loads in the suite, those that write included or not. */
export function suiteRows(writes: bool): i32 {
  return writes ? READ_ROWS + WRITE_ROWS : READ_ROWS;
}

/** Describes load `row` of the suite. */
export function planRow(plan: Plan, row: i32): void {
  if (row < READ_ROWS) planRead(plan, row);
  else planWrite(plan, row - READ_ROWS);
}

function planRead(plan: Plan, row: i32): void {
  switch (row) {
    case 0:
      return set(plan, Access.READ, true, 512, 32);
    case 1:
      return set(plan, Access.READ, true, 4 * KIB, 1);
    case 2:
      return set(plan, Access.READ, true, 4 * KIB, 32);
    case 3:
      return set(plan, Access.READ, true, 4 * KIB, 256);
    case 4:
      return set(plan, Access.READ, true, 64 * KIB, 16);
    case 5:
      return set(plan, Access.READ, false, 4 * KIB, 1);
    case 6:
      return set(plan, Access.READ, false, 4 * KIB, 32);
    case 7:
      return set(plan, Access.READ, false, 128 * KIB, 1);
    case 8:
      return set(plan, Access.READ, false, MIB, 1);
    case 9:
      return set(plan, Access.READ, false, MIB, 8);
    default:
      return set(plan, Access.READ, false, 4 * MIB, 8);
  }
}

function planWrite(plan: Plan, row: i32): void {
  switch (row) {
    case 0:
      return set(plan, Access.WRITE, true, 4 * KIB, 1);
    case 1:
      return set(plan, Access.WRITE, true, 4 * KIB, 32);
    case 2:
      return set(plan, Access.WRITE, false, 128 * KIB, 1);
    case 3:
      return set(plan, Access.WRITE, false, MIB, 1);
    case 4:
      return set(plan, Access.WRITE, false, 4 * MIB, 1);
    case 5:
      return set(plan, Access.MIXED, true, 4 * KIB, 1);
    default:
      return set(plan, Access.MIXED, true, 4 * KIB, 32);
  }
}

function set(plan: Plan, access: Access, isRandom: bool, blockBytes: u32, depth: u32): void {
  plan.access = access;
  plan.isRandom = isRandom;
  plan.blockBytes = blockBytes;
  plan.depth = depth;
}
