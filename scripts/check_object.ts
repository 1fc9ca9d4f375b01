/**
 * Looks at the machine code of wasm3's ops, the pieces of C that each carry out one instruction,
 * and refuses code that is wrong for a driver or only slow. It is the compiler flags that decide
 * both.
 *
 * - A load or store of linear memory is one instruction of its width, and no bytes put together: of
 *   a ring index that a device writes at that moment one half would be old. It makes no call and
 *   keeps no stack frame.
 * - An op ends in a jump to the next one. One that calls the next op instead uses native stack for
 *   every instruction.
 *
 * Code that only leads to a trap may do as it likes: what counts is the path that goes on to the
 * next op.
 *
 * node build/node/scripts/check_object.js OBJDUMP OBJECT
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Ops that run others inside themselves and come back: calls and loops. */
const NESTING_OPS = new Set([
  "op_Call",
  "op_CallIndirect",
  "op_CallRawFunction",
  "op_Entry",
  "op_Loop",
]);

/** Ops that end a function, a block or the program, and so return instead of going on. */
const RETURNING_OPS = new Set([
  "op_CallRawFunction",
  "op_ContinueLoop",
  "op_End",
  "op_Entry",
  "op_Loop",
  "op_Return",
  "op_Unreachable",
  "op_Unsupported",
]);

const MEMORY_OP = /^op_[iu]\d+_(?:Load|Store)_[iu](\d+)_/;

/**
 * i32 and i64, every width and sign, operands in registers and slots; fewer means that the names
 * have changed.
 */
const MEMORY_OPS_MIN = 45;

interface Instruction {
  address: number;
  name: string;
  operands: string;
}

/**
 * The ops in the output of `objdump -d --no-show-raw-insn`, by name. Labels inside a function are
 * passed over.
 */
function parseOps(disassembly: string): Map<string, Instruction[]> {
  const ops = new Map<string, Instruction[]>();
  let current: Instruction[] = [];
  for (const line of disassembly.split("\n")) {
    const [, symbol] = /^[0-9a-f]+ <([^.][^>]*)>:$/.exec(line) ?? [];
    if (symbol !== undefined) {
      current = [];
      if (/^op_\w+$/.test(symbol)) ops.set(symbol, current);
    }
    const [, address, name, operands] = /^\s+([0-9a-f]+):\t(\S+)(?:\t(.*))?$/.exec(line) ?? [];
    if (address === undefined || name === undefined) continue;
    current.push({ address: parseInt(address, 16), name, operands: operands ?? "" });
  }
  return ops;
}

const isTailJump = (at: Instruction): boolean => at.name === "jr";
const isCall = (at: Instruction): boolean => at.name === "jal" || at.name === "jalr";
/**
 * A call of a known function has its address in ra; one of the next op goes through another
 * register.
 */
const isCallOfOp = (at: Instruction): boolean => at.name === "jalr" && !/^ra\b/.test(at.operands);
const movesStack = (at: Instruction): boolean =>
  /^addi?$/.test(at.name) && at.operands.startsWith("sp,");
const isByteAccess = (at: Instruction): boolean => /^(lb|lbu|sb)$/.test(at.name);

/** Where control can go after `code[index]`, as indices; out of range for what lies elsewhere. */
function successors(code: Instruction[], index: number): number[] {
  const { name, operands } = code[index]!;
  if (name === "ret" || name === "jr") return [];
  const [, target] = /([0-9a-f]+)(?: <.*)?$/.exec(operands) ?? [];
  const jump = code.findIndex((at) => at.address === parseInt(target ?? "", 16));
  if (name === "j") return [jump];
  return /^b/.test(name) ? [jump, index + 1] : [index + 1];
}

/** The instructions from which a jump to the next op can be reached. */
function pathToNextOp(code: Instruction[]): Instruction[] {
  const leads = code.map(isTailJump);
  for (let changed = true; changed;) {
    changed = false;
    for (let index = code.length - 1; index >= 0; index--) {
      if (leads[index] || !successors(code, index).some((next) => leads[next])) continue;
      leads[index] = true;
      changed = true;
    }
  }
  return code.filter((_, index) => leads[index]);
}

function checkMemoryOp(code: Instruction[], bits: number): string[] {
  const path = pathToNextOp(code);
  const faults: string[] = [];
  if (path.some(movesStack)) faults.push("keeps a stack frame");
  if (path.some(isCall)) faults.push("makes a call");
  if (bits > 8 && path.some(isByteAccess)) faults.push(`moves ${bits} bits in bytes`);
  return faults;
}

function checkOp(op: string, code: Instruction[]): string[] {
  const faults: string[] = [];
  if (!RETURNING_OPS.has(op) && !code.some(isTailJump)) faults.push("does not jump to the next op");
  if (!NESTING_OPS.has(op) && code.some(isCallOfOp)) faults.push("calls the next op");
  const [, bits] = MEMORY_OP.exec(op) ?? [];
  if (bits !== undefined) faults.push(...checkMemoryOp(code, Number(bits)));
  return faults.map((fault) => `${op}: ${fault}`);
}

/** What is wrong with the ops in this disassembly, a line each; nothing when all is well. */
export function checkOps(disassembly: string): string[] {
  const ops = parseOps(disassembly);
  const memoryOps = [...ops.keys()].filter((op) => MEMORY_OP.test(op));
  if (memoryOps.length < MEMORY_OPS_MIN) {
    return [
      `only ${memoryOps.length} loads and stores of ${MEMORY_OPS_MIN} found: not wasm3's ops?`,
    ];
  }
  return [...ops].flatMap(([op, code]) => checkOp(op, code));
}

/** The code of an object, without its local labels: objdump takes seconds for thousands of them. */
export function disassemble(objdump: string, object: string): string {
  const bare = `${object}.bare`;
  execFileSync(objdump.replace(/objdump$/, "objcopy"), ["-g", "-X", object, bare]);
  return execFileSync(objdump, ["-d", "--no-show-raw-insn", bare], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
}

function main([objdump, object]: string[]): number {
  if (objdump === undefined || object === undefined) {
    console.error("usage: check_object.js OBJDUMP OBJECT");
    return 2;
  }
  const faults = checkOps(disassemble(objdump, object));
  for (const fault of faults) console.error(`${object}: ${fault}`);
  if (faults.length > 0)
    console.error(`${object}: wrong compiler flags for wasm3, see scripts/check_object.ts`);
  return faults.length > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(main(process.argv.slice(2)));
