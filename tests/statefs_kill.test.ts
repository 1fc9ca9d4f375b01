/**
 * StateFS in QEMU, and `kill -9` of QEMU at random moments: while the guest boots, mounts, and
 * changes the store as fast as the console takes commands. The next boot must find a state from the
 * last promise that the console had shown on, and nothing damaged; it is then killed in its turn.
 *
 * A raw image keeps what QEMU has written, flushed or not. A qcow2 image does not: where a cluster
 * is stands in tables QEMU holds in memory until a flush. Before each boot a snapshot is taken,
 * so that every cluster gets a new place when it is written. Half of the kills are on each kind.
 *
 * COUNT kills (50), SEED: the operations follow from it, the moments only roughly. `make crash`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Prng } from "./machine/prng.js";
import { makeFolder, makeImage, qemuImg } from "./qemu/images.js";
import { QemuMachine } from "./qemu/qemu.js";
import { SECTOR_BYTES, VERSIONS } from "./qemu/session.js";
import { PROMISING, SEED, change, stateOf } from "./statefs_cuts.js";
import { type Contents, parseList } from "./statefs_store.js";

const COUNT = Number(process.env["COUNT"] ?? 50);
const FORMATS = ["raw", "qcow2"] as const;
const SECTORS = 4096;
const KEYS = 12;
/** Kills come within so long of the first command, or one in EARLY of them of the start of QEMU. */
const WITHIN_MS = 400;
const EARLY = 5;
/** More than one run can do before it is killed. */
const LINES = 2000;

/** What the console shows when a command has ended well. */
const ENDED =
  /^(.*: \d+ bytes?, stable after sync|.*: removed, .*|vda: (synced|compacted)\b.*)\n/gm;

interface Step {
  readonly command: string;
  /** What the store holds after it. */
  readonly state: string;
}

/** A command that goes well on a store with these contents. */
function nextCommand(random: Prng, model: Contents): string {
  const choice = random.below(16);
  if (choice < 3) return "sync";
  if (choice === 3) return "compact";
  const key = `k/${random.below(KEYS)}`;
  if (choice < 6 && model.has(key)) return `rm ${key}`;
  const size = random.oneIn(6) ? random.below(60_000) : random.below(2000);
  return `put ${key} v${random.below(1_000_000)}. ${size}`;
}

class Crash {
  /** What the store may hold when the next machine boots. */
  private allowed = new Set([stateOf(new Map())]);
  private model: Contents = new Map();
  /** Commands that were typed since the last boot, and what was there before. */
  private steps: Step[] = [];
  private mounted = "";
  promises = 0;
  changes = 0;

  constructor(private readonly random: Prng) {}

  /** Boots, and looks whether all that was acknowledged is there. */
  async verify(machine: QemuMachine): Promise<void> {
    await machine.boot();
    const mounting = await machine.command("statefs mount");
    assert.match(mounting, /^vda: mounted, /m);
    assert.doesNotMatch(mounting, /^damaged/m);
    assert.match(await machine.command("statefs check"), /, 0 damaged/);
    const found = parseList(await machine.command("statefs ls"));
    const state = stateOf(found);
    if (!this.allowed.has(state)) {
      assert.fail(`found ${state}, and not one of\n${[...this.allowed].join("\n")}`);
    }
    this.model = found;
    this.mounted = state;
    this.allowed = new Set([state]);
  }

  /** Types lines of commands, each when the one before has ended. */
  async work(machine: QemuMachine): Promise<void> {
    for (let line = 0; line < LINES; line++) {
      const commands = Array.from({ length: 1 + this.random.below(6) }, () => this.plan());
      const output = await machine.command(commands.join("; "));
      assert.doesNotMatch(output, /^statefs: /m);
    }
  }

  private plan(): string {
    const command = nextCommand(this.random, this.model);
    change(this.model, command);
    this.steps.push({ command, state: stateOf(this.model) });
    return `statefs ${command}`;
  }

  /** The machine is gone: what its console had shown was acknowledged. */
  settle(log: string): void {
    const ended = this.steps.slice(0, [...log.matchAll(ENDED)].length);
    const last = ended.findLastIndex(({ command }) => PROMISING.has(command));
    const since = this.steps.slice(Math.max(0, last)).map(({ state }) => state);
    if (this.steps.length > 0) this.allowed = new Set(last < 0 ? [this.mounted, ...since] : since);
    this.promises += ended.filter(({ command }) => PROMISING.has(command)).length;
    this.changes += ended.length;
    this.steps = [];
  }
}

/** One machine, from its start to its kill; the last one only looks. */
async function round(crash: Crash, random: Prng, path: string, isLast: boolean): Promise<void> {
  const transport = random.pick(VERSIONS);
  const cleanings: (() => void)[] = [];
  const scope = { after: (clean: () => void) => void cleanings.push(clean) };
  const machine = new QemuMachine(scope, { transport, disks: [path] });
  let isKilled = false;
  const killIn = async (timeMs: number): Promise<void> => {
    await delay(timeMs);
    isKilled = true;
    await machine.kill();
  };
  const isEarly = !isLast && random.oneIn(EARLY);
  const timeMs = random.below(WITHIN_MS);
  try {
    const early = isEarly ? killIn(timeMs) : undefined;
    await crash.verify(machine);
    if (!isLast) await Promise.all([early ?? killIn(timeMs), crash.work(machine)]);
  } catch (error) {
    if (!isKilled || !/QEMU ended before/.test(String(error))) throw error;
  } finally {
    await machine.kill();
  }
  crash.settle(machine.log);
}

/** Takes a snapshot instead of the one before. */
function takeSnapshot(path: string, kills: number): void {
  qemuImg("snapshot", "-c", `s${kills}`, path);
  if (kills > 0) qemuImg("snapshot", "-d", `s${kills - 1}`, path);
}

async function format(path: string): Promise<void> {
  const machine = new QemuMachine({ after: () => {} }, { disks: [path] });
  await machine.boot();
  assert.match(await machine.confirm("statefs format"), /formatted/);
  await machine.kill();
}

for (const [index, kind] of FORMATS.entries()) {
  const count = Math.floor((COUNT + index) / FORMATS.length);
  test(`statefs: ${count} times kill -9, ${kind} image`, async (t) => {
    const folder = makeFolder(t);
    const path = makeImage(folder, `a.${kind}`, SECTORS * SECTOR_BYTES);
    if (kind === "qcow2") qemuImg("create", "-q", "-f", kind, path, `${SECTORS * SECTOR_BYTES}`);
    await format(path);
    const random = new Prng(SEED + index);
    const crash = new Crash(random);
    for (let kills = 0; kills <= count; kills++) {
      if (kind === "qcow2") takeSnapshot(path, kills);
      await round(crash, random, path, kills === count).catch((error: unknown) => {
        throw new Error(`SEED=${SEED}, after ${kills} kills: ${String(error)}`, { cause: error });
      });
    }
    t.diagnostic(`${crash.changes} commands acknowledged, ${crash.promises} of them promises`);
    assert.ok(count < 10 || crash.promises > count / 2, "the kills came before any promise");
  });
}
