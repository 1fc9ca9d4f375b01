/**
 * A machine for the driver module, under Node: devices, clock, console, and the module itself.
 *
 * Nothing runs by itself: a call runs the module until it has nothing to do. A protocol violation,
 * a trap or a bad import argument comes out of the call that caused it; powering off, rebooting and
 * panicking end the machine and are found in `end`.
 */

import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import { concat } from "./bytes.js";
import { Console } from "./console.js";
import { type End, Handover, type HostImports, hostImports, MachineEnd } from "./host.js";
import { Rig, type RigOptions } from "./rig.js";

export interface MachineOptions extends RigOptions {
  readonly bootArgs?: string;
  readonly lendsChecksum?: boolean;
  readonly modulePath?: string;
  /** Keeps all output, unless it is given. */
  readonly console?: Console;
}

/** What the module exports. */
export interface DriverExports extends Record<string, unknown> {
  readonly memory: WebAssembly.Memory;
  abiVersion(): number;
  start(): number;
  receive(byte: number): void;
  step(): number;
  blkCount(): number;
  blkCapacity(disk: number): bigint;
  blkBuffer(): number;
  blkBufferLength(): number;
  blkSubmit(disk: number, type: number, lba: bigint, dataPtr: number, lengthBytes: number): number;
  blkSubmitList(
    disk: number,
    type: number,
    lba: bigint,
    listPtr: number,
    bufferCount: number,
  ): number;
  blkPoll(handle: number): number;
}

export const PROMPT = "tsblk> ";
const DEFAULT_MODULE = "build/driver.wasm";
const STEP_LIMIT = 2_000_000;

/** Results of step(), and how long the driver sleeps at most when it waits for its devices. */
const IDLE = 0;
const WAITING = 2;
const WAITING_NS = 1_000_000;
const STATUS = 0x070;
const RESET_READS_MAX = 100_000;

const compiled = new Map<string, WebAssembly.Module>();

function compile(path: string): WebAssembly.Module {
  const module = compiled.get(path) ?? new WebAssembly.Module(readFileSync(path));
  compiled.set(path, module);
  return module;
}

export class Machine extends Rig {
  readonly console: Console;
  exports: DriverExports;
  /** The functions that the module calls; a test may put its own in the place of one. */
  readonly imports: HostImports;
  private readonly handover = new Handover();
  private readonly module: WebAssembly.Module;
  /** How the machine ended, once it has. */
  end: End | undefined;
  /** Sleeps in which the driver waited for its devices, and how many of them have ended late. */
  sleepCount = 0;
  lateCount = 0;

  constructor(options: MachineOptions = {}) {
    super(options, () => this.exports.memory.buffer);
    this.console = options.console ?? new Console();
    this.imports = hostImports({
      bus: this.bus,
      console: this.console,
      bootArgs: options.bootArgs ?? "",
      lendsChecksum: options.lendsChecksum ?? true,
      handover: this.handover,
      memoryBytes: () => new Uint8Array(this.exports.memory.buffer),
    });
    this.module = compile(options.modulePath ?? DEFAULT_MODULE);
    this.exports = this.instantiate();
  }

  private instantiate(): DriverExports {
    return instantiateSync<DriverExports>(this.module, { host: this.imports }).exports;
  }

  /**
   * What the shim does when the module has failed: keeps the handover, resets the devices, makes a
   * new instance and calls `start`. The caller runs it on.
   */
  restart(): void {
    if (this.end?.kind === "panic") this.end = undefined;
    this.handover.take();
    for (const disk of this.disks) this.reset(this.bus.windows.indexOf(disk));
    this.exports = this.instantiate();
    this.memory.rebind();
    const result = this.call(() => this.exports.start());
    if (result !== undefined && result < 0) throw new Error(`start() returned ${result}`);
  }

  /** Resets the device in a window and waits until it has come out of that (§2.4.2). */
  private reset(window: number): void {
    this.bus.write(window, STATUS, 4, 0);
    for (let reads = 0; this.bus.read(window, STATUS, 4) !== 0; reads++) {
      if (reads === RESET_READS_MAX) throw new Error(`window ${window} does not come out of reset`);
    }
  }

  /** Starts the module and runs it until it waits for a byte, or ends. Returns what it printed. */
  boot(): string {
    this.console.mark();
    const result = this.call(() => this.exports.start());
    if (result !== undefined && result < 0) throw new Error(`start() returned ${result}`);
    this.run();
    return this.console.fresh;
  }

  /**
   * Runs the module until it has nothing to do, or the machine ends. While it waits for its devices
   * it sleeps.
   */
  run(stepLimit = STEP_LIMIT): void {
    for (let steps = 0; !this.end; steps++) {
      if (steps >= stepLimit)
        throw new Error(`still busy after ${steps} steps: ${this.console.fresh}`);
      const wish = this.step();
      if (wish === IDLE) return;
      if (wish === WAITING) this.sleepUntilInterrupt();
    }
  }

  private sleepUntilInterrupt(): void {
    this.sleepCount += 1;
    if (!this.sleep(WAITING_NS)) this.lateCount += 1;
    this.throwViolation();
  }

  /** One slice. Returns what step() returned; 0 when the machine ended in it. */
  step(): number {
    return this.call(() => this.exports.step()) ?? 0;
  }

  /** One byte from the keyboard, without running what it leads to. */
  receive(byte: number): void {
    this.call(() => this.exports.receive(byte));
  }

  /** Types byte by byte, as fast as the module takes them. Returns what it printed meanwhile. */
  type(input: string | Uint8Array): string {
    this.console.mark();
    const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
    for (const byte of bytes) {
      if (this.end) break;
      this.receive(byte);
      this.run();
    }
    return this.console.fresh;
  }

  /**
   * Types a line and Enter. Returns what was printed, echo included, up to and without the next
   * prompt. Fails when no prompt comes, unless the machine ended.
   */
  send(line: string | Uint8Array): string {
    const typed = typeof line === "string" ? new TextEncoder().encode(line) : line;
    const output = this.type(concat([typed, Uint8Array.of(13)]));
    if (output.endsWith(PROMPT)) return output.slice(0, -PROMPT.length);
    if (!this.end) throw new Error(`no prompt after ${JSON.stringify(line)}: ${output}`);
    return output;
  }

  /** Lets time pass while the module is idle, as the host does between two bytes. */
  idle(durationNs: number): void {
    this.clock.advance(durationNs);
    this.throwViolation();
    this.run();
  }

  /** Runs a call into the module; undefined when the machine ended in it. */
  call<T>(enter: () => T): T | undefined {
    if (this.end) throw new Error(`the machine has ended: ${JSON.stringify(this.end)}`);
    try {
      const result = enter();
      this.throwViolation();
      return result;
    } catch (error) {
      if (!(error instanceof MachineEnd)) throw error;
      this.end = error.end;
      return undefined;
    }
  }

  private throwViolation(): void {
    const [first] = this.violations;
    if (first) throw first;
  }
}
