/**
 * Explains a disk: prints what can be known of it from here, and the likely causes when something
 * is stuck. `diagnose` does it when asked, disk_notices.ts when a request times out.
 */
import { BlkDevice } from "../blk/device";
import { Diagnosis } from "../blk/diagnosis";
import { place } from "../util/arena";
import { printCauses } from "./diagnosis_causes";
import { printState } from "./diagnosis_state";

let facts!: Diagnosis;

/** Places what a diagnosis needs. Called once. */
export function initDiagnosis(): void {
  facts = place<Diagnosis>();
  facts.init();
}

/** Finds out what can be known about `disk`, and prints it with the likely causes. */
export function explain(disk: BlkDevice): void {
  facts.collect(disk);
  printState(disk, facts);
  printCauses(facts);
}
