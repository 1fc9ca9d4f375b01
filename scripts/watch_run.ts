/**
 * Runs QEMU for a script or a CI job: shows the console, and ends QEMU when a text has come or when
 * its time is up. scripts/run.sh calls it when UNTIL or TIMEOUT is set.
 *
 *     UNTIL=text TIMEOUT=seconds node build/node/scripts/watch_run.js [arguments of qemu.sh]
 *
 * Ends with
 *   0    UNTIL has come; or, without UNTIL, QEMU has ended with 0
 *   1    a failure marker has come, or QEMU has ended with 0 before UNTIL came
 *   124  the time was up before
 *   2    TIMEOUT is no number of seconds
 *   and otherwise with QEMU's own status.
 *
 * After a failure marker QEMU goes on, so that the rest of a report is seen: until UNTIL comes, the
 * time is up, QEMU ends, or the console is silent for SILENCE_MS.
 */
import { spawn } from "node:child_process";

const STATUS_FAILED = 1;
const STATUS_REFUSED = 2;
const STATUS_TIME_OUT = 124;

const FAILURES = [/TSBLK: panic/, /^SELFTEST: \S+ fail\b/, /^not ok\b/, /^Bail out!/];
const SILENCE_MS = 10_000;
/** From the request to end until QEMU is ended by force. */
const GRACE_MS = 3_000;
const SECONDS_MAX = 2_000_000;
/** A longer line is looked at in parts. */
const LINE_MAX = 1 << 16;

type Reason = "marker" | "time" | "silence";

class Run {
  /** The first line with a failure marker. */
  failure: string | undefined;
  /** Why it was ended, when it was. */
  reason: Reason | undefined;
  private line = "";
  private silence: NodeJS.Timeout | undefined;
  private readonly child;

  constructor(
    private readonly until: string,
    args: string[],
  ) {
    this.child = spawn("scripts/qemu.sh", args, { stdio: ["inherit", "pipe", "pipe"] });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => this.show(text));
    // That a signal has ended it is nothing to tell
    this.child.stderr.on("data", (bytes) => void (this.reason ?? process.stderr.write(bytes)));
  }

  /** QEMU's status, 128 and more when a signal has ended it. */
  status(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code) => {
        clearTimeout(this.silence);
        resolve(code ?? 128);
      });
    });
  }

  /** Ends QEMU, by force if it does not end by itself. The first reason counts. */
  end(reason: Reason): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.child.kill("SIGTERM");
    setTimeout(() => this.child.kill("SIGKILL"), GRACE_MS).unref();
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }

  private show(text: string): void {
    process.stdout.write(text);
    if (this.silence !== undefined) this.awaitSilence();
    const lines = (this.line + text.replaceAll("\r", "")).split("\n");
    for (const line of lines) this.look(line);
    this.line = lines.at(-1)!.slice(-LINE_MAX);
  }

  /** Looks at a line, also at one of which more may come. */
  private look(line: string): void {
    if (this.until !== "" && line.includes(this.until)) this.end("marker");
    if (this.failure !== undefined || this.reason !== undefined) return;
    if (!FAILURES.some((marker) => marker.test(line))) return;
    this.failure = line;
    this.awaitSilence();
  }

  private awaitSilence(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.end("silence"), SILENCE_MS);
  }
}

function verdict(run: Run, status: number, until: string, seconds: number): [number, string] {
  if (run.failure !== undefined) return [STATUS_FAILED, `failed: ${run.failure}`];
  if (run.reason === "marker") return [0, `"${until}" has come`];
  const what = until === "" ? "QEMU still runs" : `no "${until}"`;
  if (run.reason === "time") return [STATUS_TIME_OUT, `${what} after ${seconds} s`];
  const ended = `QEMU ended with status ${status}`;
  if (until === "") return [status, status === 0 ? "" : ended];
  return [status === 0 ? STATUS_FAILED : status, `${ended} before "${until}" came`];
}

async function main(): Promise<number> {
  const { UNTIL = "", TIMEOUT = "" } = process.env;
  const seconds = /^\d*\.?\d+$/.test(TIMEOUT) ? Number(TIMEOUT) : 0;
  if (TIMEOUT !== "" && !(seconds > 0 && seconds <= SECONDS_MAX)) {
    console.error(`tsblk: TIMEOUT=${TIMEOUT} is no number of seconds from 0.1 to ${SECONDS_MAX}`);
    return STATUS_REFUSED;
  }
  const run = new Run(UNTIL, process.argv.slice(2));
  process.on("exit", () => run.kill());
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => process.exit(STATUS_FAILED));
  }
  const timer = TIMEOUT === "" ? undefined : setTimeout(() => run.end("time"), seconds * 1000);
  const [status, text] = verdict(run, await run.status(), UNTIL, seconds);
  clearTimeout(timer);
  if (text !== "") console.log(`\ntsblk: ${text}`);
  return status;
}

process.exitCode = await main();
