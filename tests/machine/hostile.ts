/**
 * A device turned against the driver: registers that show anything, rings and status bytes
 * overwritten at any moment.
 *
 * It is a wrapper around the strict model. What the driver does on the strength of a lie may break
 * a rule; the model's complaints are swallowed here, and the access has no effect then. Whether the
 * driver traps, hangs or hands out memory it should not is for the test to see. The hostile device
 * writes where a real one could: into the rings it was told of, and into the buffers and status
 * bytes it was given.
 */

import type { Machine } from "./machine.js";
import type { Prng } from "./prng.js";
import { CONFIG_START } from "./spec.js";
import { ProtocolViolation } from "./violation.js";
import type { Window } from "./window.js";

/** Identification is left alone: the driver has read it before, and never reads it again. */
const FIRST_GARBAGE = 0x010;

export class HostileWindow implements Window {
  readonly lengthBytes: number;
  /** One register read in so many is garbage; Infinity for none. */
  garbageRarity = Infinity;

  constructor(
    private readonly machine: Machine,
    private readonly prng: Prng,
    private readonly inner = machine.disk(),
  ) {
    this.lengthBytes = inner.lengthBytes;
    const index = machine.bus.windows.indexOf(inner);
    machine.bus.windows[index] = this;
    const { clock } = machine;
    const schedule = clock.schedule.bind(clock);
    clock.schedule = (delayNs, run) => schedule(delayNs, () => this.quietly(run, undefined));
  }

  read(offset: number, width: number): number {
    const value = this.quietly(() => this.inner.read(offset, width), 0);
    if (offset < FIRST_GARBAGE || !this.isGarbage()) return value;
    const isFlipped = this.prng.oneIn(2);
    const lie = isFlipped ? value ^ (1 << this.prng.below(8 * width)) : this.prng.next();
    return (width === 4 ? lie : lie & (2 ** (8 * width) - 1)) >>> 0;
  }

  write(offset: number, width: number, value: number): void {
    this.quietly(() => this.inner.write(offset, width, value), undefined);
  }

  fence(): void {
    this.quietly(() => this.inner.fence(), undefined);
  }

  /** Overwrites something in the rings: flags, index, an entry, or the event word. */
  scribbleRings(): void {
    const { prng, inner } = this;
    const { place } = inner.engine;
    if (!place) return;
    const { usedPhys, size } = place;
    const idx = inner.memory.read16(usedPhys + 2);
    const entryPhys = usedPhys + 4 + 8 * prng.below(size);
    const writes = [
      (): void => inner.memory.write16(usedPhys, prng.next()),
      (): void => inner.memory.write16(usedPhys + 2, prng.next()),
      (): void => inner.memory.write16(usedPhys + 2, idx + 1 + prng.below(4)),
      (): void => inner.memory.write16(entryPhys, prng.below(size)),
      (): void => inner.memory.write(entryPhys, prng.bytes(8)),
      (): void => inner.memory.write16(usedPhys + 4 + 8 * size, prng.next()),
    ];
    prng.pick(writes)();
  }

  /** Overwrites the status byte of a request that the device has been given. */
  scribbleStatus(): void {
    const { held } = this.inner.engine;
    if (held.length === 0) return;
    const { statusPhys } = this.prng.pick(held);
    this.inner.memory.write(statusPhys, Uint8Array.of(this.prng.pick([0, 0, 1, 2, 3, 0xff])));
  }

  /** Runs a piece of the model, and forgets its complaints. */
  quietly<T>(act: () => T, fallback: T): T {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.machine.referee.violations.length = 0;
      return fallback;
    }
  }

  private isGarbage(): boolean {
    return this.garbageRarity < Infinity && this.prng.oneIn(this.garbageRarity);
  }
}

/** A random offset of a register or field that a driver reads, for a lasting lie. */
export function randomOffset(prng: Prng): number {
  const registers = [0x010, 0x034, 0x040, 0x044, 0x060, 0x070, 0x0fc];
  return prng.oneIn(2) ? prng.pick(registers) : CONFIG_START + prng.below(72);
}
