/**
 * A driver that fails and is made again, on the device model: what the next instance takes over,
 * what it does not believe, and a StateFS that loses nothing it has promised through a thousand
 * faults. The shim's side of it is in restart_qemu.test.ts.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Machine, PROMPT } from "./machine/machine.js";
import { Prng } from "./machine/prng.js";
import { F } from "./machine/spec.js";
import { type Contents, Store, describe as describeValue, sorted } from "./statefs_store.js";

const SEED = Number(process.env["SEED"] ?? 20_260_405);
const FAULTS = Number(process.env["FAULTS"] ?? 1000);
const ENTER = "\r";

/** What the shim ends an instance with, whatever the reason is. */
class Stop extends Error {}

/** Lets the module run into a fault in its import number `count` from now on. */
class Saboteur {
  private left = Infinity;

  constructor(machine: Machine) {
    for (const [name, call] of Object.entries(machine.imports)) {
      machine.imports[name] = (...args: number[]) => {
        if (--this.left < 0) throw new Stop();
        return call(...args);
      };
    }
  }

  arm(count: number): void {
    this.left = count;
  }

  disarm(): void {
    this.left = Infinity;
  }
}

/** Runs `work`; true when the module has come to its end in it, by a trap or a panic. */
function fails(machine: Machine, work: () => void): boolean {
  try {
    work();
  } catch (error) {
    const kinds = ["RuntimeError", "RangeError", "HostTrap"];
    if (error instanceof Stop || (error instanceof Error && kinds.includes(error.name)))
      return true;
    if (machine.end === undefined) throw error;
  }
  return machine.end?.kind === "panic";
}

/** Restarts the module and runs it up to the prompt. Returns what it says. */
function restarted(machine: Machine): string {
  machine.console.mark();
  machine.restart();
  machine.run();
  return machine.console.fresh.replaceAll("\r", "");
}

function machineWith(bootArgs = ""): Machine {
  const machine = new Machine({ slots: [{ features: [F.FLUSH, F.CONFIG_WCE] }], bootArgs });
  assert.ok(!fails(machine, () => machine.boot()) || bootArgs.includes("fault"));
  return machine;
}

/** Types a line in which the driver fails; what the next one says. */
function failing(machine: Machine, line: string): string {
  assert.ok(
    fails(machine, () => machine.type(`${line}${ENTER}`)),
    `${line} does not fail`,
  );
  return restarted(machine);
}

describe("restart: what the next driver takes over", () => {
  test("the command that was running is named, with what it had moved", () => {
    const machine = machineWith();
    machine.send("dd write 5 x");
    const output = failing(machine, " fault trap 100 4 ; echo never");
    assert.match(
      output,
      /^fault trap 100 4: interrupted after \d+ ms, 0 bytes read, \d+ bytes written\n/,
    );
    assert.doesNotMatch(output, /never|TSBLK|vda/);
    assert.ok(output.endsWith(PROMPT));
  });

  test("a fault at the prompt interrupts nothing", () => {
    const machine = machineWith();
    machine.send("echo x");
    assert.equal(restarted(machine), PROMPT);
  });

  test("the statistics go on", () => {
    const machine = machineWith();
    machine.send("dd read 5");
    const before = machine.send("iostat");
    assert.match(before, /read +\d+ requests/);
    failing(machine, "fault panic");
    assert.equal(machine.send("iostat"), before);
  });

  test("timeout, cache policy and colour are what the user has chosen", () => {
    const machine = machineWith();
    machine.send("timeout 1234");
    machine.send("cache off");
    const cache = machine.send("cache");
    failing(machine, "fault mmio");
    assert.match(machine.send("timeout"), /1234 ms/);
    assert.equal(machine.send("cache"), cache);
    machine.type(`colour on${ENTER}`);
    failing(machine, "fault mmio");
    assert.match(machine.type(`colour${ENTER}`), /\non\r\n/);
  });

  test("the boot arguments go on behind the command that failed, and the status is 1", () => {
    const machine = machineWith("echo 'a;b'; fault trap; echo c; poweroff");
    assert.match(machine.console.text, /a;b/);
    const output = restarted(machine);
    assert.match(output, /^fault trap: interrupted .*\nc\n/);
    assert.deepEqual(machine.end, { kind: "powerOff", code: 1 });
  });

  test("the status stays 1 when a command before the fault had failed", () => {
    const machine = machineWith("nothing; echo x");
    failing(machine, "fault trap");
    machine.type(`poweroff${ENTER}`);
    assert.deepEqual(machine.end, { kind: "powerOff", code: 1 });
  });

  test("a fault at the prompt, behind boot arguments that went well, leaves the status 0", () => {
    const machine = machineWith("echo x");
    failing(machine, "fault trap");
    machine.type(`poweroff${ENTER}`);
    assert.deepEqual(machine.end, { kind: "powerOff", code: 0 });
  });

  test("a second fault, while the next driver finds its disks, loses nothing of that", () => {
    const machine = machineWith();
    machine.send("dd read 5");
    const before = machine.send("iostat");
    assert.ok(fails(machine, () => machine.type(`fault trap${ENTER}`)));
    machine.restart(); // and before it has probed anything
    assert.match(restarted(machine), /^fault trap: interrupted/);
    assert.equal(machine.send("iostat"), before);
  });

  test("StateFS is mounted again", () => {
    const store = new Store({ sectorCount: 4096 });
    store.format("vda 64 2048");
    store.good("statefs mount vda 64");
    store.put("key", "value", 5);
    store.good("statefs sync");
    const output = failing(store.machine, "fault recursion");
    assert.match(output, /^fault recursion: .*\nvda: mounted, 1 key, /);
    assert.match(store.run("statefs get key"), /value/);
  });
});

describe("restart: what the next driver does not believe", () => {
  /** The offset of the handover in memory, found by its magic. */
  function handoverOf(machine: Machine): Uint8Array {
    const memory = new Uint8Array(machine.exports.memory.buffer);
    const at = Buffer.from(memory.buffer).indexOf("TsHo");
    assert.ok(at > 0);
    return memory.subarray(at);
  }

  const DAMAGED = /^what the last driver has left is damaged, nothing of it goes on\n/;
  const RECORDS = 64;
  const RECORD = 384;
  const DISKS = 1024;

  test("records that are both damaged: no boot argument is run again", () => {
    const machine = machineWith("echo once; fault trap; echo twice");
    handoverOf(machine).fill(0x55, RECORDS, DISKS);
    const output = restarted(machine);
    assert.match(output, DAMAGED);
    assert.doesNotMatch(output, /once|twice/);
  });

  test("another magic, version or length", () => {
    for (const offset of [0, 4, 8]) {
      const machine = machineWith("echo once; fault trap; echo twice");
      handoverOf(machine)[offset]! ^= 1;
      assert.match(restarted(machine), DAMAGED);
    }
  });

  /** Where the later and the earlier record are in the handover, by their sequence numbers. */
  function recordsOf(handover: Uint8Array): [number, number] {
    const view = Buffer.from(handover.buffer, handover.byteOffset);
    const isFirstLater = view.readUInt32LE(RECORDS + 4) > view.readUInt32LE(RECORDS + RECORD + 4);
    return isFirstLater ? [RECORDS, RECORDS + RECORD] : [RECORDS + RECORD, RECORDS];
  }

  test("a damaged earlier record is not missed", () => {
    const machine = machineWith("echo once; fault trap; echo twice");
    const handover = handoverOf(machine);
    handover[recordsOf(handover)[1] + 100]! ^= 1;
    assert.match(restarted(machine), /^fault trap: interrupted .*\ntwice\n/);
  });

  test("a damaged later record: the command has not been begun, by the earlier one", () => {
    const machine = machineWith("echo once; fault trap; echo twice");
    const handover = handoverOf(machine);
    handover[recordsOf(handover)[0] + 100]! ^= 1;
    assert.ok(
      fails(machine, () => restarted(machine)),
      "the fault does not happen again",
    );
    assert.match(restarted(machine), /^fault trap: interrupted .*\ntwice\n/);
  });

  test("statistics that nothing can have counted are dropped", () => {
    const machine = machineWith();
    machine.send("dd read 5");
    const handover = handoverOf(machine);
    assert.ok(fails(machine, () => machine.type(`fault trap${ENTER}`)));
    handover[DISKS + 207] = 0x10; // the highest byte of a bucket
    restarted(machine);
    assert.doesNotMatch(machine.send("iostat"), /read +\d+ requests/);
  });

  test("any garbage in the handover leads to a prompt", () => {
    const random = new Prng(SEED);
    for (let round = 0; round < 50; round++) {
      const machine = machineWith();
      machine.send("dd write 5 x");
      const handover = handoverOf(machine);
      const from = random.below(DISKS + 6000);
      handover.set(random.bytes(1 + random.below(600)), from);
      assert.ok(restarted(machine).endsWith(PROMPT), `SEED=${SEED}, round ${round}`);
      assert.match(machine.send("dd read 5"), /78 00/);
    }
  });
});

/** A store under load, and what it may hold when the driver fails now. */
class Load {
  private readonly saboteur: Saboteur;
  private model: Contents = new Map();
  private snapshots: Contents[] = [new Map()];
  faults = 0;

  constructor(
    private readonly store: Store,
    private readonly random: Prng,
  ) {
    store.format();
    store.good("statefs mount");
    this.saboteur = new Saboteur(store.machine);
    restarted(store.machine); // an instance has the imports of the time when it was made
  }

  /** One operation, in which the driver fails sooner or later, or not. */
  step(number: number): void {
    const { random, store } = this;
    const next = new Map(this.model);
    const choice = random.below(10);
    const key = `k${random.below(12)}`;
    let command = "statefs sync";
    if (choice < 6) {
      const [text, size] = [`v${number}.`, random.below(3000)];
      command = `statefs put ${key} ${text} ${size}`;
      next.set(key, describeValue(text, size));
    } else if (choice === 6) {
      command = `statefs rm ${key}`;
      next.delete(key);
    } else if (choice === 7) command = "statefs compact";
    this.snapshots.push(next);
    this.saboteur.arm(random.below(300));
    const hasFailed = fails(store.machine, () => {
      const output = store.run(command);
      if (/no such key|no space left/.test(output)) next.delete(key);
      assert.doesNotMatch(output, /damaged|corrupt/);
    });
    this.saboteur.disarm();
    if (hasFailed) return this.recover();
    if (!/no space/.test(store.machine.console.fresh)) this.model = next;
    if (choice >= 7) this.snapshots = [new Map(this.model)];
  }

  /** The driver is made again, perhaps more than once, and must find a state that it may find. */
  private recover(): void {
    const { machine } = this.store;
    do {
      this.faults += 1;
      this.saboteur.disarm();
      if (this.random.below(4) === 0) this.saboteur.arm(this.random.below(400));
    } while (fails(machine, () => restarted(machine)));
    this.saboteur.disarm();
    const found = this.store.verified();
    const isKnown = this.snapshots.some(
      (snapshot) => JSON.stringify(sorted(snapshot)) === JSON.stringify(sorted(found)),
    );
    assert.ok(isKnown, "what is found is no state since the last sync");
    this.store.good("statefs sync");
    this.model = found;
    this.snapshots = [new Map(found)];
  }
}

for (const mode of ["immediate", "deferred"] as const) {
  test(`restart: ${FAULTS / 2} random faults lose nothing that was synced, ${mode}`, () => {
    const random = new Prng(SEED);
    const load = new Load(new Store({ sectorCount: 1400, features: [F.FLUSH] }, mode), random);
    for (let step = 0; load.faults < FAULTS / 2; step++) {
      try {
        load.step(step);
      } catch (error) {
        throw new Error(`SEED=${SEED}, step ${step}, fault ${load.faults}`, { cause: error });
      }
    }
  });
}
