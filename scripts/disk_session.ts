/**
 * A run of driver.wasm over the device model for tsblk-disk: commands one after another, as boot
 * arguments, each with its output for itself.
 *
 * The module prints one stream. A line that nobody else writes stands between two commands; what
 * comes before the first one is the module's own start.
 */
import { randomBytes } from "node:crypto";
import { VirtualClock } from "../tests/machine/clock.js";
import { Console } from "../tests/machine/console.js";
import type { End } from "../tests/machine/host.js";
import { Machine, PROMPT } from "../tests/machine/machine.js";
import type { DiskOptions } from "../tests/machine/options.js";

export interface Command {
  /** A line of the shell, without a newline. */
  readonly line: string;
  /** Gets what the command prints, as it comes. Without it the output is kept. */
  readonly show?: (text: string) => void;
}

export interface Outcome {
  /** 0 when all commands have succeeded, 1 when one has failed, or what `poweroff` said. */
  readonly status: number;
  /** What was kept: of the start, and of each command, "" for one that was shown. */
  readonly kept: readonly string[];
}

/** What was asked for cannot be begun; the message says why. */
export class Refusal extends Error {}

const STATUS_PANIC = 70;
const BOOT_ARGS_BYTES_MAX = 4096;
/** How long a command that sleeps is left alone: the module is looked in on every 100 ms. */
const PAUSE_MS = 50;

/** The time of the host. The model's own events happen when the time is read. */
class HostClock extends VirtualClock {
  override read(): number {
    this.advance(Math.max(1, Number(process.hrtime.bigint()) - this.nowNs));
    return this.nowNs;
  }
}

/** Sorts what the module prints by the command that prints it. */
class Sorter extends Console {
  readonly separator = randomBytes(12).toString("hex");
  readonly kept: string[] = [""];
  private readonly decoder = new TextDecoder();
  /** The end of what came: it may be the start of a separator, a line end or the prompt. */
  private rest = "";

  constructor(private readonly commands: readonly Command[]) {
    super();
  }

  override write(bytes: Uint8Array): void {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const parts = this.rest.replaceAll("\r\n", "\n").split(`${this.separator}\n`);
    this.rest = parts.pop() ?? "";
    for (const part of parts) {
      this.tell(part);
      this.kept.push("");
    }
    const length = this.rest.length - this.heldLength();
    this.tell(this.rest.slice(0, length));
    this.rest = this.rest.slice(length);
  }

  /** Nothing more comes. There is a prompt when the rest of the line was not run. */
  end(): void {
    if (this.rest !== PROMPT) this.tell(this.rest);
    this.rest = "";
  }

  /** Whether the shell waits for a line: it runs no more of this one. */
  get isAtPrompt(): boolean {
    return this.rest === PROMPT;
  }

  private heldLength(): number {
    const wanted = [`${this.separator}\r`, "\r", PROMPT];
    const starts = wanted.flatMap((text) => [...text].map((_, i) => text.slice(0, i + 1)));
    const held = starts.filter((start) => this.rest.endsWith(start));
    return Math.max(0, ...held.map(({ length }) => length));
  }

  private tell(text: string): void {
    const show = this.commands[this.kept.length - 2]?.show;
    if (show) show(text);
    else this.kept[this.kept.length - 1] += text;
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}

function statusOf(end: End | undefined): number {
  if (end?.kind === "powerOff") return end.code;
  if (end?.kind === "reboot") return 0;
  if (end === undefined) return 1; // the rest of the line was not run, as it has said
  console.error(`tsblk-disk: panic: ${end.message} (line ${end.line})`);
  return STATUS_PANIC;
}

/** Runs the commands on these disks, vda first. Throws when they are too long for one line. */
export function runSession(
  modulePath: string,
  slots: readonly DiskOptions[],
  commands: readonly Command[],
): Outcome {
  const output = new Sorter(commands);
  const lines = commands.map(({ line }) => `echo ${output.separator}; ${line}`);
  const bootArgs = [...lines, "poweroff"].join("; ");
  if (Buffer.byteLength(bootArgs) > BOOT_ARGS_BYTES_MAX)
    throw new Refusal("the command is too long");
  const clock = new HostClock();
  const machine = new Machine({ modulePath, slots, bootArgs, console: output, clock });
  machine.call(() => machine.exports.start());
  while (!machine.end) {
    if (machine.step() !== 0) continue;
    if (output.isAtPrompt) break;
    pause(); // a command that sleeps
  }
  output.end();
  return { status: statusOf(machine.end), kept: output.kept };
}
