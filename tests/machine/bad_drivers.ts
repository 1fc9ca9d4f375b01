/** All wrong drivers: for every rule the model checks, at least one that breaks it. */

import type { BadDriver } from "./bad_driver.js";
import { BAD_CHAINS } from "./bad_chains.js";
import { BAD_CONFIG } from "./bad_config.js";
import { BAD_FEATURES } from "./bad_features.js";
import { BAD_REGISTERS } from "./bad_registers.js";
import { BAD_REQUESTS } from "./bad_requests.js";
import { BAD_RINGS } from "./bad_rings.js";
import { BAD_SETUP } from "./bad_setup.js";
import { BAD_STATUS } from "./bad_status.js";

export const BAD_DRIVERS: readonly BadDriver[] = [
  ...BAD_STATUS,
  ...BAD_FEATURES,
  ...BAD_CONFIG,
  ...BAD_REGISTERS,
  ...BAD_SETUP,
  ...BAD_RINGS,
  ...BAD_CHAINS,
  ...BAD_REQUESTS,
];
