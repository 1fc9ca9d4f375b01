/**
 * The imports of the module, over a bus and a console, with the checks the shim makes.
 *
 * A bad argument ends in a `HostTrap`. What does not return on the real machine throws a
 * `MachineEnd`, which unwinds the module.
 */

import { Bus, HostTrap } from "./bus.js";
import { Console } from "./console.js";
import { crc32c } from "./crc32c.js";

const HANDOVER_BYTES_MAX = 65536;

/** How a machine came to its end. */
export type End =
  | { readonly kind: "powerOff"; readonly code: number }
  | { readonly kind: "reboot" }
  | { readonly kind: "panic"; readonly message: string; readonly line: number };

/** Unwinds the module after a call that does not return. */
export class MachineEnd extends Error {
  constructor(readonly end: End) {
    super(`the machine ended: ${end.kind}`);
    this.name = "MachineEnd";
  }
}

export type HostImports = Record<string, (...args: number[]) => number | bigint | void>;

/** What outlives an instance of the module: see handoverKeep in driver/host.ts. */
export class Handover {
  private left = new Uint8Array(0);
  private kept: Uint8Array | undefined;

  keep(bytes: Uint8Array): void {
    this.kept = bytes;
  }

  /** The instance has ended. */
  take(): void {
    if (this.kept) this.left = this.kept.slice();
    this.kept = undefined;
  }

  /** Copies what was left, as far as it fits. Returns its full length. */
  read(to: Uint8Array): number {
    to.set(this.left.subarray(0, to.length));
    return this.left.length;
  }
}

export interface HostParts {
  readonly bus: Bus;
  readonly console: Console;
  readonly bootArgs: string;
  /** Whether the host computes checksums for the module. */
  readonly lendsChecksum?: boolean;
  readonly handover: Handover;
  readonly memoryBytes: () => Uint8Array;
}

/**
 * A checked view of `lengthBytes` bytes at `pointer`; both come from the module as signed numbers.
 */
function span(parts: HostParts, pointer: number, lengthBytes: number): Uint8Array {
  const memory = parts.memoryBytes();
  const [from, length] = [pointer >>> 0, lengthBytes >>> 0];
  if (from + length > memory.length) throw new HostTrap(`pointer ${from} + ${length} is outside`);
  return memory.subarray(from, from + length);
}

function mmioImports({ bus }: HostParts): HostImports {
  const read = (width: number) => (window: number, offset: number) =>
    bus.read(window >>> 0, offset >>> 0, width);
  const write = (width: number) => (window: number, offset: number, value: number) =>
    bus.write(window >>> 0, offset >>> 0, width, value);
  return {
    windowCount: () => bus.windows.length,
    windowLength: (window) => bus.window((window ?? 0) >>> 0).lengthBytes,
    mmioRead8: read(1),
    mmioRead16: read(2),
    mmioRead32: read(4),
    mmioWrite8: write(1),
    mmioWrite16: write(2),
    mmioWrite32: write(4),
    fence: () => bus.fence(),
    clockNs: () => BigInt(bus.clock.read()),
    dmaBase: () => BigInt(bus.memory.basePhys),
  } as HostImports;
}

function end(reason: End): never {
  throw new MachineEnd(reason);
}

function powerOff(code: number): never {
  const status = code >>> 0;
  if (status > 255) throw new HostTrap(`exit status ${status}`);
  return end({ kind: "powerOff", code: status });
}

export function hostImports(parts: HostParts): HostImports {
  const args = new TextEncoder().encode(parts.bootArgs);
  const text = (pointer: number, length: number): string =>
    new TextDecoder().decode(span(parts, pointer, length).slice());
  return {
    ...mmioImports(parts),
    consoleWrite: (pointer: number, length: number) =>
      parts.console.write(span(parts, pointer, length).slice()),
    bootArgs: (pointer: number, capacity: number) => {
      span(parts, pointer, capacity).set(args.subarray(0, capacity >>> 0));
      return args.length;
    },
    crc32c: (seed: number, pointer: number, length: number) =>
      (parts.lendsChecksum ?? true) ? crc32c(seed, span(parts, pointer, length)) : 0,
    handoverKeep: (pointer: number, length: number) => {
      if (length >>> 0 > HANDOVER_BYTES_MAX) throw new HostTrap(`handover of ${length} bytes`);
      parts.handover.keep(span(parts, pointer, length));
    },
    handoverRead: (pointer: number, capacity: number) =>
      parts.handover.read(span(parts, pointer, capacity)),
    powerOff,
    reboot: () => end({ kind: "reboot" }),
    panic: (pointer: number, length: number, line: number) =>
      end({ kind: "panic", message: text(pointer, length), line: line >>> 0 }),
  } as HostImports;
}
