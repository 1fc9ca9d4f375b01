/**
 * What the module may contain, judged from the text form that wabt prints of it.
 *
 * Refused: floating point, growing or sharing the memory, the runtime allocator, a start function,
 * passive data, a memory whose initial and maximum size differ. The surface, imports and exports
 * with their types, is one sorted list that is compared with a snapshot.
 */

const FLOAT = /(?<![a-z0-9])f(?:32|64)(?![0-9])/;

/**
 * A function of the runtime. Two kinds do not allocate and appear in modules that are not
 * optimized: readers of the object header, and the write barrier, which is empty in the stub
 * runtime.
 */
const RUNTIME = /^\s*\(func \$~lib\/rt\/(?!common\/|stub\/__link\b)/;

/** A rule looks at one line without string literals and names, and at the same line with them. */
interface Rule {
  what: string;
  isBroken: (bare: string, full: string) => boolean;
}

const RULES: Rule[] = [
  { what: "floating point", isBroken: (bare) => FLOAT.test(bare) },
  { what: "memory.grow", isBroken: (bare) => /\bmemory\.grow\b/.test(bare) },
  { what: "runtime allocator", isBroken: (_, full) => RUNTIME.test(full) },
  { what: "start function", isBroken: (bare) => /^\s*\(start\b/.test(bare) },
  {
    what: "passive data segment",
    isBroken: (bare) =>
      /^\s*\(data\b/.test(bare) && !/\((?:i32\.const|offset|global\.get)/.test(bare),
  },
  { what: "imported memory", isBroken: (bare) => /^\s*\(import\b.*\(memory\b/.test(bare) },
  {
    what: "memory without initial size = maximum size",
    isBroken: (bare) => /^\s*\(memory\b/.test(bare) && !hasFixedSize(bare),
  },
];

function hasFixedSize(bare: string): boolean {
  const limits = /\(memory +(?:\(;\d+;\) )?(\d+) (\d+)\)/.exec(bare);
  return limits !== null && limits[1] === limits[2];
}

/**
 * The line with string literals emptied and symbolic names removed: neither can hold an
 * instruction.
 */
function strip(line: string): string {
  return line.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\$[^\s()]+/g, "");
}

/**
 * Function in which each broken rule was seen, one line a rule and function; empty when all is
 * well.
 */
export function findViolations(wat: string): string[] {
  const found = new Set<string>();
  let place = "module";
  for (const line of wat.split("\n")) {
    const head = /^  \((?:func|import|memory|data|start|global) ?(\$\S+)?/.exec(line);
    if (head) place = head[1] ?? "module";
    const bare = strip(line);
    for (const rule of RULES) {
      if (rule.isBroken(bare, line))
        found.add(`${rule.what} in ${place}: ${line.trim().slice(0, 60)}`);
    }
  }
  return [...found];
}

/** Types by index, as `(i32 i64) -> (i32)`. */
function readTypes(wat: string): Map<string, string> {
  const types = new Map<string, string>();
  for (const [, index = "", body = ""] of wat.matchAll(
    /^  \(type (?:\$\S+ )?\(;(\d+);\) \(func(.*)\)\)$/gm,
  )) {
    const params = [...body.matchAll(/\(param ([^)]*)\)/g)].map((match) => match[1]).join(" ");
    const results = [...body.matchAll(/\(result ([^)]*)\)/g)].map((match) => match[1]).join(" ");
    types.set(index, `(${params}) -> (${results})`);
  }
  return types;
}

/** The types of all functions by their name or index, the imported ones included. */
function readFunctions(wat: string, types: Map<string, string>): Map<string, string> {
  const functions = new Map<string, string>();
  const pattern =
    /^  \((?:import "[^"]*" "[^"]*" \()?func (?:(\$\S+)|\(;(\d+);\)) \(type (\d+)\)/gm;
  for (const [, name, index, type = ""] of wat.matchAll(pattern)) {
    functions.set(name ?? index ?? "", types.get(type) ?? "?");
  }
  return functions;
}

/** Imports and exports with their types, sorted, one a line. */
export function readSurface(wat: string): string[] {
  const types = readTypes(wat);
  const functions = readFunctions(wat, types);
  const memory = /^  \(memory (?:\$\S+|\(;\d+;\)) (.*)\)$/m.exec(wat)?.[1] ?? "";
  const lines: string[] = [];
  for (const [, from, name, kind, type] of wat.matchAll(
    /^  \(import "([^"]*)" "([^"]*)" \((\w+)(?:.*\(type (\d+)\))?/gm,
  )) {
    lines.push(`import ${kind} ${from}.${name} ${types.get(type ?? "") ?? ""}`.trim());
  }
  for (const [, name, kind, target] of wat.matchAll(/^  \(export "([^"]*)" \((\w+) ([^)]*)\)/gm)) {
    const type = kind === "memory" ? memory : functions.get(target ?? "");
    lines.push(`export ${kind} ${name} ${type ?? ""}`.trim());
  }
  return lines.sort();
}

/** What is in one list and not in the other, as the lines of a diff; empty when they are equal. */
export function diffSurface(expected: string[], actual: string[]): string[] {
  const gone = expected.filter((line) => !actual.includes(line)).map((line) => `- ${line}`);
  const added = actual.filter((line) => !expected.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...added];
}
