/**
 * A real NBD server for a test: qemu-nbd with one export of one raw image, on a port of the
 * loopback interface or on a unix socket. It can be killed and started again at the same place.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { type AddressInfo, type NetConnectOpts, connect, createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TestScope } from "./images.js";

const DEADLINE_MS = 10_000;
const RETRY_MS = 20;
const HOST = "127.0.0.1";

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export class NbdServer {
  private child: ChildProcess | undefined;
  private errors = "";

  private constructor(
    private readonly image: string,
    private readonly place: { port: number; host: string } | { path: string },
  ) {}

  /** Serves `image` on loopback until the test `t` ends. */
  static async onLoopback(t: TestScope, image: string): Promise<NbdServer> {
    return NbdServer.begin(t, new NbdServer(image, { port: await freePort(), host: HOST }));
  }

  /** Serves `image` on a socket in `folder` until the test `t` ends. */
  static async onSocket(t: TestScope, image: string, folder: string): Promise<NbdServer> {
    return NbdServer.begin(t, new NbdServer(image, { path: resolve(folder, "nbd.sock") }));
  }

  private static async begin(t: TestScope, server: NbdServer): Promise<NbdServer> {
    t.after(() => server.kill());
    await server.start();
    return server;
  }

  /** What QEMU opens it by. */
  get url(): string {
    const { place } = this;
    if ("path" in place) return `nbd+unix:///disk?socket=${place.path}`;
    return `nbd://${place.host}:${place.port}/disk`;
  }

  /** Starts it and waits until it takes connections. */
  async start(): Promise<void> {
    const { place } = this;
    if ("path" in place) rmSync(place.path, { force: true });
    const where =
      "path" in place ? ["-k", place.path] : ["-b", place.host, "-p", String(place.port)];
    const args = ["--persistent", "--shared=4", "-x", "disk", "-f", "raw", ...where];
    this.child = spawn("qemu-nbd", [...args, join(this.image)]);
    this.child.on("error", (error) => (this.errors += error.message));
    this.child.stderr?.on("data", (text) => (this.errors += text));
    const deadline = Date.now() + DEADLINE_MS;
    while (!(await answers(place))) {
      if (Date.now() > deadline) throw new Error(`no NBD server at ${this.url}: ${this.errors}`);
      await delay(RETRY_MS);
    }
  }

  /** Ends it at once, in the middle of whatever it does. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.pid === undefined) return;
    child.kill("SIGKILL");
    await once(child, "close");
  }
}

async function answers(place: NetConnectOpts): Promise<boolean> {
  const socket = connect(place);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
