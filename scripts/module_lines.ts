/**
 * The line of TypeScript behind each instruction of a module, from asc's source map: one generated
 * line, whose columns are offsets in the module.
 *
 * The map is silent about many instructions, accesses to fields above all. Such a one has the line
 * of its first operand, which is what the statement starts with; without an operand that of the
 * instruction before it; at the start of a function that of the first one behind it. Where a loop
 * begins is the line of what it does first. A function of which the map knows nothing has no lines.
 */
import { type SourceMap } from "node:module";
import { type FunctionBody, type Instruction, WasmReader } from "../tests/shim/wasm_reader.js";

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** What is asked of a source map. */
export type LineMap = Pick<SourceMap, "findEntry">;

export interface PlacedInstruction {
  /** In the module. */
  readonly offset: number;
  readonly op: number;
  readonly place: Place | undefined;
}

const OP = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  call: 0x10,
  callIndirect: 0x11,
  unreachable: 0x00,
  select: 0x1b,
  bulk: 0xfc,
} as const;

const EMPTY_BLOCK = 0x40;

const isLoad = (op: number): boolean => op >= 0x28 && op <= 0x35;
const isStore = (op: number): boolean => op >= 0x36 && op <= 0x3e;
const isDivision = (op: number): boolean =>
  (op >= 0x6d && op <= 0x70) || (op >= 0x7f && op <= 0x82);

/**
 * Whether an instruction is one of those that wasm3 can name as the place of a failure: it may
 * trap, or it calls, or it begins a loop, whose turns nothing else may bound. The same list is in
 * shim/line_table.c.
 */
export function isMarked(op: number): boolean {
  if (isLoad(op) || isStore(op) || isDivision(op)) return true;
  const others: number[] = [OP.unreachable, OP.loop, OP.call, OP.callIndirect, OP.bulk];
  return others.includes(op);
}

/** How many values an instruction other than a call takes; how many it leaves. */
function effect(op: number): [number, number] {
  if (isLoad(op)) return [1, 1];
  if (isStore(op)) return [2, 0];
  const isUnary = [0x45, 0x50, 0xa7, 0xac, 0xad].includes(op) || (op >= 0xc0 && op <= 0xc4);
  const isCount = (op >= 0x67 && op <= 0x69) || (op >= 0x79 && op <= 0x7b);
  if (isUnary || isCount || op === 0x22) return [1, 1];
  if (op >= 0x46 && op <= 0x8a) return [2, 1];
  if (op === OP.select) return [3, 1];
  if (op === OP.bulk) return [3, 0];
  if ([OP.if, 0x0d, 0x0e, 0x1a, 0x21, 0x24].includes(op)) return [1, 0];
  if ([0x20, 0x23, 0x3f, 0x41, 0x42].includes(op)) return [0, 1];
  return [0, 0];
}

function readLeb(code: Uint8Array, at: number): number {
  let value = 0;
  for (let shift = 1; ; shift *= 0x80) {
    const byte = code[at++] ?? 0;
    value += (byte & 0x7f) * shift;
    if (byte < 0x80) return value;
  }
}

/** Walks through one function, with the lines of the values on the stack. */
class Walk {
  private stack: (Place | undefined)[] = [];
  /** Of each open block the height of the stack where it began, and how many values it leaves. */
  private blocks: { height: number; results: number }[] = [];
  private before: Place | undefined;
  private readonly placed: PlacedInstruction[] = [];

  constructor(
    private readonly reader: WasmReader,
    private readonly body: FunctionBody,
    /** Where the code of the function starts in the module. */
    private readonly start: number,
    private readonly map: LineMap,
  ) {
    this.blocks.push({ height: 0, results: this.typeOf(body.type).results.length });
  }

  walk(): PlacedInstruction[] {
    for (const each of this.body.instructions) this.step(each);
    let behind: Place | undefined;
    return this.placed
      .reduceRight<PlacedInstruction[]>((done, { offset, op, place }) => {
        const isOpening = op === OP.loop || op === OP.block;
        behind = isOpening ? (behind ?? place) : (place ?? behind);
        done.push({ offset, op, place: behind });
        return done;
      }, [])
      .reverse();
  }

  private typeOf(index: number): { params: number[]; results: number[] } {
    const type = this.reader.types[index];
    if (type === undefined) throw new Error(`no type ${index}`);
    return type;
  }

  /** How many values an instruction takes and leaves; blocks leave theirs where they end. */
  private effect({ op, start }: Instruction): [number, number] {
    if (op !== OP.call && op !== OP.callIndirect) return effect(op);
    const index = readLeb(this.body.code, start + 1);
    const isDirect = op === OP.call;
    const type = this.typeOf(isDirect ? (this.reader.functionTypes[index] ?? -1) : index);
    return [type.params.length + (isDirect ? 0 : 1), type.results.length];
  }

  private step(instruction: Instruction): void {
    const { op, start } = instruction;
    const [taken, left] = this.effect(instruction);
    const operands = this.stack.splice(this.stack.length - taken, taken);
    const own = this.mapped(this.start + start);
    const place = own ?? operands[0] ?? this.before;
    this.before = own ?? this.before;
    this.placed.push({ offset: this.start + start, op, place });
    for (let i = 0; i < left; i++) this.stack.push(place);
    this.nest(op, this.body.code[start + 1]);
  }

  private nest(op: number, blockType: number | undefined): void {
    if (op === OP.block || op === OP.loop || op === OP.if) {
      const results = blockType === EMPTY_BLOCK ? 0 : 1;
      this.blocks.push({ height: this.stack.length, results });
    } else if (op === OP.else) {
      this.stack.length = this.blocks.at(-1)?.height ?? 0;
    } else if (op === OP.end) {
      const { height, results } = this.blocks.pop() ?? { height: 0, results: 0 };
      const place = this.stack.at(-1);
      this.stack.length = height;
      for (let i = 0; i < results; i++) this.stack.push(place);
    }
  }

  /** What the source map itself says. */
  private mapped(offset: number): Place | undefined {
    const entry = this.map.findEntry(0, offset);
    if (!("originalSource" in entry) || !entry.originalSource) return undefined;
    if (entry.generatedColumn < this.start) return undefined;
    return { file: entry.originalSource, line: entry.originalLine + 1 };
  }
}

/** The instructions of each function in `module`, in order. */
export function moduleLines(module: Uint8Array, map: LineMap): PlacedInstruction[][] {
  const reader = new WasmReader(module);
  return reader.bodies.map((body) => {
    const start = body.code.byteOffset - module.byteOffset;
    return new Walk(reader, body, start, map).walk();
  });
}
