/**
 * Checks tests/conformance.md, and writes it first with `--write`. Exit status 1 when it is not up
 * to date, or when a rule has neither a test nor a reason.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { CONFORMANCE_PATH, conformanceComplaints, conformanceText } from "../tests/conformance.js";

const text = await conformanceText();
if (process.argv[2] === "--write") writeFileSync(CONFORMANCE_PATH, text);
const isStale = readFileSync(CONFORMANCE_PATH, "utf8") !== text;
const complaints = [
  ...conformanceComplaints(),
  ...(isStale ? [`${CONFORMANCE_PATH} is not up to date`] : []),
];
for (const complaint of complaints) console.log(complaint);
if (complaints.length > 0) process.exitCode = 1;
