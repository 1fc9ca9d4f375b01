/**
 * QEMU as a test sees it: a console to write lines to, to wait for text on, and an exit status.
 *
 * QEMU is started by scripts/qemu.sh, which knows its options. Every wait has a deadline. A panic
 * marker fails any wait at once, and the test at its end, unless the test asked for one. No QEMU
 * outlives its test, or this process.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { TestScope } from "./images.js";

export type TransportVersion = "legacy" | "modern";

/** A disk: the path of an image, or with more options for QEMU's -drive and -device. */
export type QemuDisk = string | { path: string; drive?: string; device?: string };

export interface QemuOptions {
  transport?: TransportVersion;
  /** vda first. None by default. */
  disks?: QemuDisk[];
  /** Boot arguments: shell commands separated by `;`. */
  cmd?: string;
  /** Value of -icount. */
  icount?: string;
  kernel?: string;
  /** Appended to QEMU's command line as they are. */
  extraArgs?: string[];
  /** The test provokes a panic: only one about a canary page fails it. */
  mayPanic?: boolean;
  /** The test damages a canary page: no panic fails it. */
  mayDamage?: boolean;
}

export const PROMPT = "tsblk> ";
/** How a command asks before it goes on. */
export const QUESTION = "Type yes to go on: ";
const READY = "TSBLK: ready";

const PANIC = "TSBLK: panic";
const DAMAGE = `${PANIC}: memory of the kernel has been written to`;
const DEADLINE_MS = 20_000;
const CTRL_A = 1;
const SHOWN_LINES = 30;

const running = new Set<QemuMachine>();
process.on("exit", () => running.forEach((machine) => machine.kill()));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(1));
}

function imageArgs(disk: QemuDisk): string[] {
  if (typeof disk === "string") return [disk];
  const drive = disk.drive === undefined ? [] : ["--drive", disk.drive];
  const device = disk.device === undefined ? [] : ["--device", disk.device];
  return [...drive, ...device, disk.path];
}

/**
 * The environment of qemu.sh: nothing of it leaks in from the make or the shell around the test.
 */
function environment(options: QemuOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    TRANSPORT: options.transport ?? "modern",
    KERNEL: options.kernel ?? "build/tsblk.elf",
    DISK: "none",
    CMD: options.cmd,
    ICOUNT: options.icount,
  };
}

export class QemuMachine {
  /** What the console has shown so far, without carriage returns. */
  log = "";
  /** What the program said on stderr: QEMU's own complaints. */
  errors = "";

  private readonly child: ChildProcessWithoutNullStreams;
  /** What must not be said. */
  private readonly marker: string | undefined;
  private readonly status: Promise<number>;
  /** Everything before it has been waited for. */
  private seen = 0;
  private hasEnded = false;
  private wake: () => void = () => {};

  /** Starts QEMU; it is killed when the test `t` ends. */
  constructor(t: TestScope, options: QemuOptions = {}) {
    const args = (options.disks ?? []).flatMap(imageArgs).concat("--", options.extraArgs ?? []);
    if (options.mayDamage !== true) this.marker = options.mayPanic === true ? DAMAGE : PANIC;
    this.child = spawn("scripts/qemu.sh", args, { env: environment(options) });
    running.add(this);
    t.after(() => this.close());
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => this.receive(text));
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.errors += text));
    this.child.stdin.on("error", () => {}); // the machine may be gone before it has read all
    this.status = new Promise((resolve) => {
      this.child.on("error", (error) => (this.errors += error.message));
      this.child.on("close", (code, signal) => {
        this.hasEnded = true;
        running.delete(this);
        this.wake();
        resolve(code ?? (signal === null ? -1 : 128));
      });
    });
  }

  private receive(text: string): void {
    this.log += text.replaceAll("\r", "");
    this.wake();
  }

  /** Resolves at the next output or the end, or when `deadline` (of Date.now) has come. */
  private change(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, deadline - Date.now()));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Process id of QEMU: the script that starts it becomes QEMU. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  private fail(what: string): Error {
    const lines = this.log.split("\n").slice(-SHOWN_LINES).join("\n");
    const errors = this.errors === "" ? "" : `\n--- stderr ---\n${this.errors}`;
    return new Error(`${what}\n--- console, last ${SHOWN_LINES} lines ---\n${lines}${errors}`);
  }

  /** The end of the first match of `pattern` in what was not waited for yet, or undefined. */
  private find(pattern: string | RegExp): number | undefined {
    const rest = this.log.slice(this.seen);
    if (typeof pattern === "string") {
      const at = rest.indexOf(pattern);
      return at < 0 ? undefined : this.seen + at + pattern.length;
    }
    const match = pattern.exec(rest);
    return match === null ? undefined : this.seen + match.index + match[0].length;
  }

  /**
   * Waits for text that the console has not been waited for before. Returns what came, up to the
   * end of the match. Fails on time out, on the end of QEMU, on a panic, and when `forbidden` comes
   * first.
   */
  async waitFor(
    pattern: string | RegExp,
    {
      timeoutMs = DEADLINE_MS,
      forbidden,
    }: { timeoutMs?: number; forbidden?: string | RegExp } = {},
  ): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const end = this.find(pattern);
      this.refuse(this.marker, end);
      this.refuse(forbidden, end);
      if (end !== undefined) {
        const text = this.log.slice(this.seen, end);
        this.seen = end;
        return text;
      }
      if (this.hasEnded) throw this.fail(`QEMU ended before ${pattern}`);
      if (Date.now() >= deadline) throw this.fail(`no ${pattern} within ${timeoutMs} ms`);
      await this.change(deadline);
    }
  }

  /** Throws when `pattern` is in the new text before `end`. */
  private refuse(pattern: string | RegExp | undefined, end = Infinity): void {
    if (pattern === undefined) return;
    const at = this.find(pattern);
    if (at !== undefined && at <= end) throw this.fail(`${pattern} on the console`);
  }

  /**
   * Types text. Ctrl-A would talk to QEMU's monitor: it is sent twice, which the guest gets once.
   */
  send(input: string | Uint8Array): void {
    const bytes = [...Buffer.from(input)].flatMap((byte) =>
      byte === CTRL_A ? [byte, byte] : byte,
    );
    this.child.stdin.write(Buffer.from(bytes));
  }

  /** Waits for the first prompt. */
  async boot(): Promise<string> {
    return this.waitFor(new RegExp(`${READY}[^]*\n${PROMPT}`));
  }

  /**
   * Types a line at the prompt, or the answer to a question. Returns what the command printed,
   * without the echo and without the next prompt; if it asks something, up to the question.
   */
  async command(line: string | Uint8Array, timeoutMs = DEADLINE_MS): Promise<string> {
    this.send(line);
    this.send("\r");
    const end = new RegExp(`\n(?:(?:[^]*\n)?${PROMPT}|[^\n]*${QUESTION})`);
    const text = await this.waitFor(end, { timeoutMs });
    const output = text.slice(text.indexOf("\n") + 1);
    return output.endsWith(PROMPT) ? output.slice(0, -PROMPT.length) : output;
  }

  /** Types a line that is asked back about, and agrees. Returns what the command printed then. */
  async confirm(line: string): Promise<string> {
    const question = await this.command(line);
    if (!question.endsWith(QUESTION)) throw this.fail(`'${line}' was not asked back about`);
    return this.command("yes");
  }

  /** Waits until QEMU ends by itself. Returns its exit status, 128 when a signal ended it. */
  async exit(timeoutMs = DEADLINE_MS): Promise<number> {
    const deadline = Date.now() + timeoutMs;
    while (!this.hasEnded) {
      if (Date.now() >= deadline) throw this.fail(`QEMU still runs after ${timeoutMs} ms`);
      await this.change(deadline);
    }
    this.refuse(this.marker);
    return this.status;
  }

  /** Reads nothing for so long: the far end of the console holds the line back. */
  async hold(milliseconds: number): Promise<void> {
    this.child.stdout.pause();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    this.child.stdout.resume();
  }

  /** Closes the console's input, as `< /dev/null` does. */
  closeInput(): void {
    this.child.stdin.end();
  }

  /** Ends QEMU at once, as a power cut does: nothing is flushed. Resolves when it is gone. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.status;
  }

  /** The test is over: fails it for a panic that came after its last wait. */
  private async close(): Promise<void> {
    await this.kill();
    this.refuse(this.marker);
  }
}
