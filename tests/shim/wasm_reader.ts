/**
 * A valid module taken apart for the mutator: its sections, and of each function the type, the
 * locals and where each instruction starts. It trusts the module; what it does not know ends in an
 * exception.
 */
import { leb } from "./wasm_bytes.js";

export interface Instruction {
  op: number;
  /** Where it starts and ends in the code. */
  start: number;
  end: number;
}

export interface FunctionBody {
  type: number;
  /** Types of parameters and locals. */
  locals: number[];
  /** The declarations of the locals, as they are in the module. */
  head: Uint8Array;
  code: Uint8Array;
  instructions: Instruction[];
}

export interface Section {
  id: number;
  content: Uint8Array;
}

interface FunctionType {
  params: number[];
  results: number[];
}

/** Reads LEB128 numbers and bytes from a place that moves on. */
class Cursor {
  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error("module ends too early");
    return byte;
  }

  u32(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  }

  take(count: number): Uint8Array {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }
}

/** How many LEB128 numbers follow each opcode; block types are numbers too. */
function immediates(op: number): number {
  if ((op >= 0x28 && op <= 0x3e) || op === 0x11) return 2;
  if ((op >= 0x02 && op <= 0x04) || op === 0x0c || op === 0x0d || op === 0x10) return 1;
  if ((op >= 0x20 && op <= 0x24) || (op >= 0x3f && op <= 0x42)) return 1;
  return 0;
}

function skipImmediates(cursor: Cursor, op: number): void {
  let count = immediates(op);
  if (op === 0x0e) count = cursor.u32() + 1;
  if (op === 0xfc) count = cursor.u32() === 10 ? 2 : 1;
  for (; count > 0; count--) cursor.u32();
}

export function findInstructions(code: Uint8Array): Instruction[] {
  const cursor = new Cursor(code);
  const instructions: Instruction[] = [];
  while (cursor.at < code.length) {
    const start = cursor.at;
    const op = cursor.byte();
    skipImmediates(cursor, op);
    instructions.push({ op, start, end: cursor.at });
  }
  return instructions;
}

export class WasmReader {
  readonly sections: Section[] = [];
  readonly types: FunctionType[] = [];
  /** The type of each function, the imported ones first. */
  readonly functionTypes: number[] = [];
  readonly globals: { type: number; isMutable: boolean }[] = [];
  readonly bodies: FunctionBody[] = [];
  importCount = 0;

  constructor(bytes: Uint8Array) {
    const cursor = new Cursor(bytes, 8);
    while (cursor.at < bytes.length) {
      const id = cursor.byte();
      const content = cursor.take(cursor.u32());
      this.sections.push({ id, content });
      this.readSection(id, new Cursor(content));
    }
  }

  private readSection(id: number, cursor: Cursor): void {
    if (id === 1) this.types.push(...cursor.list(() => this.readType(cursor)));
    if (id === 2) {
      this.functionTypes.push(...cursor.list(() => this.readImport(cursor)));
      this.importCount = this.functionTypes.length;
    }
    if (id === 3) this.functionTypes.push(...cursor.list(() => cursor.u32()));
    if (id === 6) this.globals.push(...cursor.list(() => this.readGlobal(cursor)));
    if (id === 10) cursor.list(() => this.bodies.push(this.readBody(cursor)));
  }

  private readType(cursor: Cursor): FunctionType {
    cursor.byte();
    const params = cursor.list(() => cursor.byte());
    return { params, results: cursor.list(() => cursor.byte()) };
  }

  private readImport(cursor: Cursor): number {
    cursor.take(cursor.u32());
    cursor.take(cursor.u32());
    cursor.byte();
    return cursor.u32();
  }

  private readGlobal(cursor: Cursor): { type: number; isMutable: boolean } {
    const type = cursor.byte();
    const isMutable = cursor.byte() === 1;
    cursor.byte();
    cursor.u32();
    cursor.byte();
    return { type, isMutable };
  }

  private readBody(cursor: Cursor): FunctionBody {
    const bytes = cursor.take(cursor.u32());
    const type = this.functionTypes[this.importCount + this.bodies.length] ?? 0;
    const inside = new Cursor(bytes);
    const groups = inside.list(() => Array<number>(inside.u32()).fill(inside.byte()));
    const code = bytes.subarray(inside.at);
    return {
      type,
      locals: [...(this.types[type]?.params ?? []), ...groups.flat()],
      head: bytes.subarray(0, inside.at),
      code,
      instructions: findInstructions(code),
    };
  }
}

/** The code section of these bodies. */
export function codeSection(bodies: FunctionBody[]): Section {
  const parts: Uint8Array[] = [Uint8Array.from(leb(bodies.length))];
  for (const { head, code } of bodies) {
    parts.push(Uint8Array.from(leb(head.length + code.length)), head, code);
  }
  return { id: 10, content: Buffer.concat(parts) };
}

/** The module of these sections. */
export function moduleBytes(sections: Section[]): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])];
  for (const { id, content } of sections) {
    parts.push(Uint8Array.from([id, ...leb(content.length)]), content);
  }
  return Buffer.concat(parts);
}
