/**
 * The table of conformance: rule by rule, the wrong drivers that the model catches and the tests of
 * this driver, or why there are none.
 */
import { existsSync, readFileSync } from "node:fs";
import prettier from "prettier";
import { RULES, type Rule } from "./conformance_rules.js";
import { BAD_DRIVERS } from "./machine/bad_drivers.js";

export const CONFORMANCE_PATH = "tests/conformance.md";

const HEAD = `# Conformance

Made by scripts/conformance.ts from tests/conformance_rules.ts and from the wrong drivers of the
device model; \`node build/node/scripts/conformance.js --write\` writes it anew.

A wrong driver breaks the rule on purpose, and model.test.ts shows that the model catches it. The
driver of this repository runs on the same model in every test, so it keeps the rule wherever a
wrong driver is counted. The other entries name a test file and a part of the name of a test.

`;

interface Row {
  readonly rule: Rule;
  readonly wrong: readonly string[];
}

function rows(): Row[] {
  return RULES.map((rule) => {
    const wrong = BAD_DRIVERS.filter((bad) => bad.rule === rule.id).map(({ does }) => does);
    return { rule, wrong };
  });
}

/** What shows that the rule is kept, for people. */
function evidence({ rule, wrong }: Row): string {
  const { length } = wrong;
  const caught = length > 0 ? [`model: ${length} wrong driver${length > 1 ? "s" : ""}`] : [];
  const reason = rule.reason ? [`not tested: ${rule.reason}`] : [];
  return [...caught, ...rule.tests, ...reason].join("<br>");
}

/** The whole file, formatted. */
export async function conformanceText(): Promise<string> {
  const lines = rows().map((row) => {
    const { id, section, text } = row.rule;
    return `| ${id} | ${section} | ${text} | ${evidence(row)} |`;
  });
  const table = ["| rule | section | what | where |", "| --- | --- | --- | --- |", ...lines];
  return prettier.format(`${HEAD}${table.join("\n")}\n`, { parser: "markdown" });
}

/** Whether a test file has a test of which this is a part of the name. */
function hasTest(reference: string): boolean {
  const [file = "", ...rest] = reference.split(": ");
  const path = `tests/${file}.test.ts`;
  return existsSync(path) && readFileSync(path, "utf8").includes(rest.join(": "));
}

/** Everything that makes the table untrue or incomplete. */
export function conformanceComplaints(): string[] {
  const ids = new Set(RULES.map(({ id }) => id));
  const unknown = BAD_DRIVERS.filter(({ rule }) => !ids.has(rule));
  return [
    ...unknown.map(({ rule }) => `${rule} has a wrong driver and is not in the list`),
    ...rows().flatMap(complaintsOf),
    ...RULES.filter(({ id }, at) => RULES.findIndex((other) => other.id === id) !== at).map(
      ({ id }) => `${id} is there twice`,
    ),
  ];
}

function complaintsOf({ rule, wrong }: Row): string[] {
  const { id, tests, reason } = rule;
  const isShown = wrong.length + tests.length > 0;
  const missing = tests.filter((reference) => !hasTest(reference));
  return [
    ...missing.map((reference) => `${id}: there is no test "${reference}"`),
    ...(isShown || reason ? [] : [`${id} has neither a test nor a reason`]),
    ...(isShown && reason ? [`${id} has a test and a reason against one`] : []),
  ];
}
