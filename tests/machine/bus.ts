/**
 * What the driver's side of a machine can reach: windows, fence, time. The same for a module and
 * for a test in Node.
 *
 * An access that the host must not let through ends in a `HostTrap`, as it ends the module on the
 * real machine.
 */

import { VirtualClock } from "./clock.js";
import { GuestMemory } from "./memory.js";
import type { Window } from "./window.js";

/** The module broke a rule of the host's interface. */
export class HostTrap extends Error {
  constructor(what: string) {
    super(what);
    this.name = "HostTrap";
  }
}

export class Bus {
  readonly windows: Window[] = [];

  constructor(
    readonly memory: GuestMemory,
    readonly clock: VirtualClock,
  ) {}

  window(index: number): Window {
    const window = this.windows[index];
    if (!window) throw new HostTrap(`window ${index} does not exist`);
    return window;
  }

  read(index: number, offset: number, width: number): number {
    return this.check(index, offset, width).read(offset, width);
  }

  /** Writes the low `width` bytes of `value`. */
  write(index: number, offset: number, width: number, value: number): void {
    this.clock.touch();
    const low = width === 4 ? value >>> 0 : value & (2 ** (8 * width) - 1);
    this.check(index, offset, width).write(offset, width, low);
  }

  /** Whatever either side wrote before is visible to the other from now on. */
  fence(): void {
    this.memory.settle();
    for (const window of this.windows) window.fence();
  }

  private check(index: number, offset: number, width: number): Window {
    const window = this.window(index);
    const where = `${8 * width}-bit access at 0x${offset.toString(16)} of window ${index}`;
    if (offset % width !== 0) throw new HostTrap(`misaligned ${where}`);
    if (offset < 0 || offset + width > window.lengthBytes)
      throw new HostTrap(`${where} is outside`);
    return window;
  }
}
