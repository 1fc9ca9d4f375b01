/**
 * QEMU's monitor as a test uses it: QMP commands over a unix socket, one at a time. What QMP
 * reports by itself is passed over.
 */
import { type Socket, connect } from "node:net";
import { join } from "node:path";
import type { TestScope } from "./images.js";

interface Message {
  QMP?: unknown;
  event?: string;
  return?: unknown;
  error?: { class: string; desc: string };
}

const SOCKET_NAME = "qmp.sock";
const DEADLINE_MS = 10_000;

/** QEMU's arguments for a monitor whose socket is in this folder. */
export function monitorArgs(folder: string): string[] {
  return ["-qmp", `unix:${join(folder, SOCKET_NAME)},server=on,wait=off`];
}

export class Monitor {
  private readonly socket: Socket;
  private readonly waiting: ((message: Message) => void)[] = [];
  private end: string | undefined;
  /** The start of a message whose end has not come yet. */
  private rest = "";

  private constructor(path: string) {
    this.socket = connect(path);
    this.socket.setEncoding("utf8").on("data", (text: string) => this.receive(text));
    this.socket.on("error", (error) => this.close(error.message));
    this.socket.on("close", () => this.close("the monitor has gone"));
  }

  /** Connects to a machine that was started with `monitorArgs(folder)` and has booted. */
  static async open(t: TestScope, folder: string): Promise<Monitor> {
    const monitor = new Monitor(join(folder, SOCKET_NAME));
    t.after(() => void monitor.socket.destroy());
    await monitor.message("greeting");
    await monitor.execute("qmp_capabilities");
    return monitor;
  }

  /** Runs a command of QMP. Returns its result, and fails with QEMU's reason. */
  async execute(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
    this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const answer = await this.message(command);
    if (answer.error) throw new Error(`${command}: ${answer.error.desc}`);
    return answer.return;
  }

  private message(what: string): Promise<Message> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no answer to ${what} from the monitor`)),
        DEADLINE_MS,
      );
      this.waiting.push((message) => {
        clearTimeout(timer);
        resolve(message);
      });
      if (this.end !== undefined) this.close(this.end);
    });
  }

  private receive(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop()!;
    for (const line of lines) {
      const message = JSON.parse(line) as Message;
      if (message.event === undefined) this.waiting.shift()?.(message);
    }
  }

  /** Whoever waits hears why nothing will come. */
  private close(reason: string): void {
    this.end = reason;
    for (const tell of this.waiting.splice(0)) tell({ error: { class: "Gone", desc: reason } });
  }
}
