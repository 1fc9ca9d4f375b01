/**
 * Changes a valid module at random. Most changes respect its structure, so that many of the results
 * are still valid and run: other constants, operations, locals, targets, functions of the same
 * type, accesses to other places, instructions that were not there. The rest are changes of bytes,
 * lengths, sections and bodies, which few modules survive.
 */
import { type Prng } from "../machine/prng.js";
import { I32, I64, OP, constant, leb, signedLeb } from "./wasm_bytes.js";
import {
  type FunctionBody,
  type Instruction,
  type Section,
  WasmReader,
  codeSection,
  findInstructions,
  moduleBytes,
} from "./wasm_reader.js";

/** Operations of one type, by their first and last opcode. */
const CLASSES: [number, number][] = [
  [0x46, 0x4f],
  [0x51, 0x5a],
  [0x67, 0x69],
  [0x6a, 0x78],
  [0x79, 0x7b],
  [0x7c, 0x8a],
  [0xac, 0xad],
  [0xc0, 0xc1],
  [0xc2, 0xc4],
  [0x2c, 0x2d],
  [0x2e, 0x2f],
  [0x30, 0x31],
  [0x32, 0x33],
  [0x34, 0x35],
  [0x3a, 0x3a],
  [0x0c, 0x0d],
  [0x02, 0x03],
  [0x21, 0x22],
];

const INTERESTING = [
  0,
  1,
  -1,
  2,
  7,
  64,
  255,
  4096,
  65535,
  1 << 20,
  (1 << 24) - 1,
  1 << 24,
  1 << 30,
];
const EDGES = [-0x80000000, 0x7fffffff, -65536, -4];

const splice = (bytes: Uint8Array, start: number, end: number, put: ArrayLike<number>): Buffer =>
  Buffer.concat([bytes.subarray(0, start), Uint8Array.from(put), bytes.subarray(end)]);

export class WasmMutator {
  private readonly original: WasmReader;
  private bodies: FunctionBody[] = [];
  private sections: Section[] = [];

  constructor(
    readonly bytes: Uint8Array,
    private readonly prng: Prng,
  ) {
    this.original = new WasmReader(bytes);
  }

  /** Another mutant, of the module as it was given. */
  next(): Uint8Array {
    this.bodies = [...this.original.bodies];
    this.sections = [...this.original.sections];
    const count = 1 + this.prng.below(4);
    const isStructured = !this.prng.oneIn(4);
    for (let i = 0; i < count; i++) {
      if (isStructured) this.changeBody();
      else this.changeStructure();
    }
    const sections = this.sections.map((section) =>
      section.id === 10 && section === this.original.sections.find(({ id }) => id === 10)
        ? codeSection(this.bodies)
        : section,
    );
    const mutant = moduleBytes(sections);
    return isStructured || this.prng.oneIn(2) ? mutant : this.changeBytes(mutant);
  }

  private number(): number {
    const { prng } = this;
    if (prng.oneIn(3)) return prng.next() | 0;
    return prng.pick(prng.oneIn(3) ? EDGES : INTERESTING);
  }

  /** Changes one instruction of one body, or puts some in. */
  private changeBody(): void {
    const index = this.prng.below(this.bodies.length);
    const body = this.bodies[index]!;
    if (this.prng.oneIn(12)) return this.exchangeBody(index);
    const place = this.prng.below(body.instructions.length);
    const instruction = body.instructions[place]!;
    const code = this.prng.oneIn(3)
      ? splice(body.code, instruction.start, instruction.start, this.anyCode(body))
      : this.changeInstruction(body, instruction);
    if (code !== body.code) this.replace(index, code);
  }

  private replace(index: number, code: Uint8Array): void {
    const body = this.bodies[index]!;
    this.bodies[index] = { ...body, code, instructions: findInstructions(code) };
  }

  /** The body of another function, more often than not of the same type. */
  private exchangeBody(index: number): void {
    const { type } = this.bodies[index]!;
    const same = this.bodies.filter((body) => body.type === type);
    this.bodies[index] = this.prng.pick(this.prng.oneIn(4) ? this.bodies : same);
  }

  private changeInstruction(body: FunctionBody, instruction: Instruction): Uint8Array {
    const { op, start, end } = instruction;
    const put = (...bytes: number[]): Uint8Array => splice(body.code, start, end, bytes);
    if (op === OP.i32Const || op === OP.i64Const) return put(op, ...signedLeb(this.number()));
    if (op >= OP.localGet && op <= 0x22) return put(op, ...leb(this.otherLocal(body, instruction)));
    if (op === 0x23 || op === OP.globalSet) {
      return put(op, ...leb(this.prng.below(this.original.globals.length)));
    }
    if (op === OP.call) return put(op, ...leb(this.otherFunction(body, instruction)));
    if (op === OP.br || op === OP.brIf) return put(op, this.prng.below(4));
    if (op >= 0x28 && op <= 0x3e && this.prng.oneIn(2)) {
      return put(op, 0, ...leb(this.number() >>> 0));
    }
    const range = CLASSES.find(([first, last]) => op >= first && op <= last);
    if (range !== undefined) {
      const other = range[0] + this.prng.below(range[1] - range[0] + 1);
      return put(other, ...body.code.subarray(start + 1, end));
    }
    return this.prng.oneIn(4) ? put() : body.code;
  }

  /** A local of the same type as the one that `instruction` names. */
  private otherLocal(body: FunctionBody, instruction: Instruction): number {
    const type = body.locals[body.code[instruction.start + 1]! & 0x7f];
    const same = [...body.locals.keys()].filter((index) => body.locals[index] === type);
    return this.prng.pick(same);
  }

  private otherFunction(body: FunctionBody, instruction: Instruction): number {
    const called = findCalled(body.code, instruction);
    const { functionTypes } = this.original;
    const type = functionTypes[called];
    const same = [...functionTypes.keys()].filter((index) => functionTypes[index] === type);
    return this.prng.pick(same);
  }

  /** Code that leaves the stack as it was. */
  private anyCode(body: FunctionBody): number[] {
    const { prng } = this;
    const value = (): number[] => this.anyValue(body, I32);
    const store = prng.pick([0x36, 0x3a, 0x3b]);
    const load = prng.pick([0x28, 0x2c, 0x2d, 0x2e, 0x2f]);
    return prng.pick<() => number[]>([
      () => [...value(), OP.drop],
      () => [...this.anyValue(body, I64), OP.drop],
      () => [...value(), ...value(), store, 0, ...leb(this.number() >>> 0)],
      () => [...value(), load, 0, ...leb(this.number() >>> 0), OP.drop],
      () => [...value(), ...value(), ...value(), 0xfc, 10, 0, 0],
      () => [...value(), ...value(), ...value(), 0xfc, 11, 0],
      () => [OP.block, 0x40, ...value(), OP.brIf, 0, OP.end],
      () => [OP.loop, 0x40, ...value(), OP.brIf, 0, OP.end],
      () => [...value(), OP.if, I32, ...value(), OP.else, ...value(), OP.end, OP.drop],
      () => [OP.block, I32, ...value(), ...value(), OP.brTable, 0, 0, OP.end, OP.drop],
      () => [OP.call, ...leb(prng.below(this.original.functionTypes.length))],
      () => [...value(), ...value(), ...value(), OP.select, OP.drop],
      () => [...value(), OP.if, 0x40, OP.unreachable, OP.end],
      () => this.assignment(body),
    ])();
  }

  private anyValue(body: FunctionBody, type: number): number[] {
    const same = [...body.locals.keys()].filter((index) => body.locals[index] === type);
    if (same.length > 0 && this.prng.oneIn(2)) return [OP.localGet, ...leb(this.prng.pick(same))];
    return type === I32 ? constant(this.number()) : [OP.i64Const, ...signedLeb(this.number())];
  }

  private assignment(body: FunctionBody): number[] {
    if (body.locals.length === 0) return [];
    const local = this.prng.below(body.locals.length);
    return [...this.anyValue(body, body.locals[local]!), OP.localSet, ...leb(local)];
  }

  /** Sections or bodies that are missing, doubled, exchanged or cut. */
  private changeStructure(): void {
    const { prng, sections, bodies } = this;
    const at = prng.below(sections.length);
    const section = sections[at]!;
    prng.pick([
      () => sections.splice(at, 1),
      () => sections.splice(at, 0, section),
      () => ([sections[at], sections[0]] = [sections[0]!, section]),
      () => (sections[at] = { ...section, content: section.content.subarray(prng.below(8)) }),
      () => (sections[at] = { ...section, id: prng.below(14) }),
      () => bodies.splice(prng.below(bodies.length), 1),
      () => bodies.push(prng.pick(bodies)),
      () => bodies.splice(prng.below(bodies.length), 1, prng.pick(bodies)),
      () => (sections[at] = { ...section, content: this.changeBytes(section.content) }),
      () => this.cutBody(),
    ])();
  }

  private cutBody(): void {
    const index = this.prng.below(this.bodies.length);
    const body = this.bodies[index]!;
    const code = body.code.subarray(0, this.prng.below(body.code.length));
    this.bodies[index] = { ...body, code, instructions: [] };
  }

  /** A few bytes changed, put in or taken out; sometimes a number is written longer. */
  private changeBytes(bytes: Uint8Array): Uint8Array {
    const { prng } = this;
    let changed: Buffer = Buffer.from(bytes);
    for (let count = 1 + prng.below(3); count > 0 && changed.length > 0; count--) {
      const at = prng.below(changed.length);
      const byte = changed[at]!;
      changed = prng.pick<() => Buffer>([
        () => splice(changed, at, at + 1, [prng.below(256)]),
        () => splice(changed, at, at + 1, [byte ^ (1 << prng.below(8))]),
        () => splice(changed, at, at, [prng.below(256)]),
        () => splice(changed, at, at + 1 + prng.below(4), []),
        () => splice(changed, at, at + 1, [byte | 0x80, 0x00]),
        () => splice(changed, at, at + 1, [0xff, 0xff, 0xff, 0xff, 0x0f]),
      ])();
    }
    return changed;
  }
}

function findCalled(code: Uint8Array, { start, end }: Instruction): number {
  return code
    .subarray(start + 1, end)
    .reduce((value, byte, index) => value + (byte & 0x7f) * 0x80 ** index, 0);
}
