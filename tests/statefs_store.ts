/**
 * A StateFS on the device model, driven through the shell, and what it must hold: a plain map.
 *
 * Also replays a recorded run up to any write, with any part of what was not flushed.
 */
import assert from "node:assert/strict";
import { crc32c } from "./machine/crc32c.js";
import { Machine, PROMPT } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";

export const SECTOR_BYTES = 512;

/** Key to `<length> <CRC32C>`. */
export type Contents = Map<string, string>;

/** What `statefs put <key> <text> <size>` stores. */
function valueOf(text: string, size: number): Uint8Array {
  const pattern = new TextEncoder().encode(text);
  return Uint8Array.from({ length: size }, (_, i) => pattern[i % pattern.length] ?? 0);
}

export class Store {
  readonly machine: Machine;

  constructor(disk: DiskOptions = {}, mode: "immediate" | "deferred" = "immediate") {
    this.machine = new Machine({ slots: [disk], mode });
    this.machine.boot();
  }

  /** Runs a command and returns its lines without the echo. */
  run(command: string): string {
    const { machine } = this;
    machine.console.mark();
    for (const byte of new TextEncoder().encode(`${command}\r`)) machine.receive(byte);
    machine.run();
    const output = machine.console.fresh.replaceAll("\r", "");
    assert.ok(output.endsWith(PROMPT), `no prompt after ${command}: ${output}`);
    return output.slice(output.indexOf("\n") + 1, -PROMPT.length);
  }

  /** Runs a command that must go well. */
  good(command: string): string {
    const output = this.run(command);
    assert.doesNotMatch(output, /^statefs: /m, command);
    return output;
  }

  format(operands = ""): void {
    this.machine.type(`statefs format ${operands}\r`);
    const output = this.run("yes");
    assert.match(output, /formatted/);
  }

  put(key: string, text: string, size: number, into?: Contents): void {
    this.good(`statefs put '${key}' '${text}' ${size}`);
    into?.set(key, describe(text, size));
  }

  list(prefix = ""): Contents {
    return parseList(this.run(`statefs ls ${prefix}`));
  }

  get image(): Uint8Array {
    const { store } = this.machine.disk();
    return store.read(0, store.sectorCount);
  }

  set image(bytes: Uint8Array) {
    this.machine.disk().store.place(0, bytes);
  }

  /** All that is in the store, every value read and verified. */
  verified(): Contents {
    const checked = this.run("statefs check");
    assert.match(checked, /, 0 damaged/, checked);
    return this.list();
  }
}

/** The keys in what `statefs ls` prints. */
export function parseList(text: string): Contents {
  const lines = text.split("\n").filter((line) => /^ *\d+  [0-9a-f]{8}  /.test(line));
  return new Map(lines.map(parseLine));
}

function parseLine(line: string): [string, string] {
  const [, size = "", sum = "", key = ""] = /^ *(\d+)  ([0-9a-f]{8})  (.*)$/.exec(line) ?? [];
  return [key, `${size} ${sum}`];
}

export function describe(text: string, size: number): string {
  const sum = crc32c(0, valueOf(text, size));
  return `${size} ${sum.toString(16).padStart(8, "0")}`;
}

export function sorted(contents: Contents): [string, string][] {
  return [...contents].sort(([a], [b]) => (a < b ? -1 : 1));
}
