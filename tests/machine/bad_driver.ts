/**
 * What a table of wrong drivers consists of: one wrong act after a correct beginning, and the rule
 * it breaks.
 */

import type { DiskOptions } from "./options.js";
import type { RigOptions } from "./rig.js";
import type { Version } from "./spec.js";
import type { Stage, TestDriver } from "./test_driver.js";

export interface BadDriver {
  readonly rule: string;
  /** Completes the sentence "a driver that ...". */
  readonly does: string;
  /** The initialisation is right up to this step. */
  readonly after: Stage;
  readonly act: (driver: TestDriver) => void;
  /** Only on this version of the transport; both when left out. */
  readonly on?: Version;
  readonly disk?: DiskOptions;
  /** Features the driver accepts when they are offered. */
  readonly wanted?: readonly number[];
  readonly mode?: RigOptions["mode"];
}
