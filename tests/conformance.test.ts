/** The table of conformance is complete and up to date. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CONFORMANCE_PATH, conformanceComplaints, conformanceText } from "./conformance.js";

test("conformance: every rule has a test or a reason, and every test it names exists", () => {
  assert.deepEqual(conformanceComplaints(), []);
});

test("conformance: the table is what scripts/conformance.ts makes", async () => {
  assert.equal(readFileSync(CONFORMANCE_PATH, "utf8"), await conformanceText());
});
