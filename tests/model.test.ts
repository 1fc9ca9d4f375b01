/**
 * The device model, tested by drivers written for the purpose: correct ones pass, and each wrong
 * one is caught with the rule it breaks. Then the faults: each does what it says.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BadDriver } from "./machine/bad_driver.js";
import { BAD_DRIVERS } from "./machine/bad_drivers.js";
import { sendRange } from "./machine/bad_requests.js";
import { Bus, HostTrap } from "./machine/bus.js";
import { VirtualClock } from "./machine/clock.js";
import { SectorStore } from "./machine/disk.js";
import { anyRequest, ofType, randomFault, reordering, startingIn } from "./machine/faults.js";
import { Console } from "./machine/console.js";
import { Handover, type HostImports, hostImports, MachineEnd } from "./machine/host.js";
import { HostileWindow } from "./machine/hostile.js";
import { Machine } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { Prng } from "./machine/prng.js";
import { Rig, type RigOptions, type Slot } from "./machine/rig.js";
import { F, type Version } from "./machine/spec.js";
import { AT, stopQueue, TestDriver } from "./machine/test_driver.js";
import { ProtocolViolation } from "./machine/violation.js";

const VERSIONS: readonly Version[] = [1, 2];
const IN = 0;
const OUT = 1;
const FLUSH = 4;

type Host = Omit<RigOptions, "slots">;

/** Every way a host may play the device. */
const HOSTS: readonly Host[] = [
  { mode: "immediate" },
  { mode: "deferred" },
  { mode: "immediate", isWeak: true },
  { mode: "deferred", isWeak: true },
];

const nameOf = ({ mode, isWeak }: Host): string => `${mode}${isWeak ? ", weak memory" : ""}`;

function live(disk: DiskOptions, host: Host = {}, wanted?: readonly number[]): TestDriver {
  return new TestDriver(disk, host, wanted).upTo("live");
}

function violationOf(act: () => void): ProtocolViolation {
  try {
    act();
  } catch (error) {
    if (error instanceof ProtocolViolation) return error;
    throw error;
  }
  assert.fail("nothing was violated");
}

function checkCaught(bad: BadDriver, version: Version): void {
  const { rule, disk, wanted, after, act, mode } = bad;
  const driver = new TestDriver({ ...disk, version }, { mode }, wanted);
  driver.upTo(after);
  const violation = violationOf(() => act(driver));
  assert.equal(violation.rule, rule, violation.what);
  assert.deepEqual(driver.rig.violations, [violation]);
}

describe("model: a wrong driver is caught", () => {
  for (const bad of BAD_DRIVERS) {
    for (const version of VERSIONS.filter((v) => bad.on === undefined || bad.on === v)) {
      test(`${bad.rule}: a driver of version ${version} that ${bad.does}`, () => {
        checkCaught(bad, version);
      });
    }
  }
});

describe("model: a window that is not for the driver may be identified only", () => {
  const touches: [string, string, Slot, (bus: Bus) => void][] = [
    ["MMIO-04", "no virtio device", { foreign: { magic: 0 } }, (bus) => bus.read(0, 8, 4)],
    ["MMIO-04", "an unknown version", { foreign: { version: 3 } }, (bus) => bus.read(0, 8, 4)],
    ["MMIO-05", "an empty slot", "empty", (bus) => bus.read(0, 0x70, 4)],
    ["MMIO-05", "an empty slot written to", "empty", (bus) => bus.write(0, 0x70, 4, 0)],
    ["MMIO-05", "another device", { foreign: { deviceId: 1 } }, (bus) => bus.read(0, 0x10, 4)],
  ];
  for (const [rule, what, slot, touch] of touches) {
    test(`${rule}: ${what}`, () => {
      const { bus } = new Rig({ slots: [slot] }, () => new ArrayBuffer(0));
      const probes = [0, 4, 8].slice(0, rule === "MMIO-04" ? 2 : 3);
      for (const offset of probes) bus.read(0, offset, 4);
      assert.equal(violationOf(() => touch(bus)).rule, rule);
    });
  }
});

describe("model: a correct driver passes", () => {
  for (const version of VERSIONS) {
    for (const host of HOSTS) {
      test(`version ${version}, ${nameOf(host)}: data goes to the disk and back`, () => {
        const driver = live({ version }, host);
        const data = new Prng(version).bytes(1024);
        driver.bytes.set(data, driver.dataAt(0));
        assert.equal(driver.request(OUT, 5, 1024), 0);
        assert.deepEqual(driver.device.store.read(5, 2), data);
        driver.bytes.fill(0, driver.dataAt(0), driver.dataAt(0) + 1024);
        assert.equal(driver.request(IN, 5, 1024), 0);
        assert.deepEqual(driver.bytes.slice(driver.dataAt(0), driver.dataAt(0) + 1024), data);
        assert.deepEqual(driver.rig.violations, []);
      });
    }

    test(`version ${version}: indices wrap at 65536`, () => {
      const driver = live({ version });
      for (let count = 0; count < 65_540; count++) assert.equal(driver.request(FLUSH, 0, 0), 0);
      assert.equal(driver.usedIdx, 4);
    });

    test(`version ${version}: a device can be reset and used again`, () => {
      const driver = live({ version });
      driver.request(OUT, 0, 512);
      assert.equal(driver.upTo("live").request(OUT, 1, 512), 0);
    });

    test(`version ${version}: a queue that is stopped forgets what was in flight`, () => {
      const driver = live({ version });
      driver.device.faults.isHolding = true;
      driver.send(IN, 0, 512);
      assert.equal(driver.device.engine.inFlightCount, 1);
      stopQueue(driver);
      assert.equal(driver.device.engine.inFlightCount, 0);
    });

    test(`version ${version}: with EVENT_IDX requests are announced and done`, () => {
      const driver = live({ version, features: [F.EVENT_IDX] }, {}, [F.EVENT_IDX]);
      for (let count = 0; count < 40; count++) assert.equal(driver.request(IN, 0, 512), 0);
    });

    test(`version ${version}: an indirect table carries a request`, () => {
      const driver = live({ version, features: [F.INDIRECT_DESC] }, {}, [F.INDIRECT_DESC]);
      driver.device.store.place(3, Uint8Array.of(7));
      driver.build(IN, 3, 512);
      driver.bytes.copyWithin(AT.data + 0x8000, AT.table, AT.table + 48);
      driver.describe(0, driver.phys(AT.data + 0x8000), 48, [4, 0]);
      driver.publish(0);
      driver.kick();
      assert.equal(driver.next()?.id, 0);
      assert.equal(driver.bytes[driver.dataAt(0)], 7);
    });

    test(`version ${version}: a silenced device finds requests by itself`, () => {
      const driver = live({ version }, { mode: "deferred" });
      driver.device.engine.setSilence(true);
      driver.fence();
      driver.publish(driver.build(IN, 0, 512));
      assert.equal(driver.next()?.id, 0);
    });

    test(`version ${version}: an interrupt is shown until it is acknowledged`, () => {
      const driver = live({ version });
      driver.request(IN, 0, 512);
      assert.equal(driver.read(0x060), 1);
      driver.write(0x064, 1);
      assert.equal(driver.read(0x060), 0);
    });

    test(`version ${version}: avail.flags suppresses the interrupt`, () => {
      const driver = live({ version });
      driver.view.setUint16(driver.availAt, 1, true);
      driver.request(IN, 0, 512);
      assert.equal(driver.read(0x060), 0);
    });

    test(`version ${version}: FAILED is accepted at any time and left by a reset`, () => {
      const driver = live({ version });
      driver.addStatus(128);
      assert.equal(driver.upTo("live").request(IN, 0, 512), 0);
    });
  }

  test("a legacy driver may flush with type 5, which a modern device does not know", () => {
    const answers = VERSIONS.map((version) => live({ version }).request(5, 0, 0));
    assert.deepEqual(answers, [0, 2]);
  });

  test("a legacy driver may read the configuration byte by byte", () => {
    const driver = new TestDriver({ version: 1, sectorCount: 0x123 }).upTo("driver");
    assert.deepEqual([driver.read(0x100, 1), driver.read(0x101, 1)], [0x23, 1]);
  });

  test("a modern driver may split the header and join data and status", () => {
    const driver = live({ version: 2 });
    driver.device.store.place(0, Uint8Array.of(9));
    const head = driver.build(IN, 0, 512);
    driver.describe(0, driver.phys(AT.header), 8, [1, 3]);
    driver.describe(3, driver.phys(AT.header + 8), 8, [1, 1]);
    driver.describe(1, driver.phys(driver.dataAt(0)), 513, [2, 0]);
    driver.bytes[driver.dataAt(0) + 512] = 0xff;
    driver.publish(head);
    driver.kick();
    assert.deepEqual(driver.next(), { id: 0, lengthBytes: 513 });
    assert.deepEqual(
      [driver.bytes[driver.dataAt(0)], driver.bytes[driver.dataAt(0) + 512]],
      [9, 0],
    );
  });
});

describe("model: the device answers where the specification lets it", () => {
  for (const version of VERSIONS) {
    const statuses: [string, DiskOptions, number, number, number][] = [
      ["a write to a read-only disk is IOERR", { isReadOnly: true }, OUT, 0, 1],
      ["an unknown type is UNSUPP", {}, 99, 0, 2],
      ["part of a block is IOERR", { blkSize: 4096 }, IN, 0, 1],
    ];
    for (const [what, disk, type, sector, status] of statuses) {
      test(`version ${version}: ${what}`, () => {
        assert.equal(live({ ...disk, version }).request(type, sector, 512), status);
      });
    }

    test(`version ${version}: a refused write leaves the disk as it was`, () => {
      const driver = live({ version, isReadOnly: true });
      driver.bytes.fill(0x55, driver.dataAt(0), driver.dataAt(0) + 512);
      driver.request(OUT, 0, 512);
      assert.deepEqual(driver.device.store.read(0, 1), new Uint8Array(512));
    });

    test(`version ${version}: a sector cut off by an unseen resize is IOERR`, () => {
      const driver = live({ version, sectorCount: 16 });
      driver.device.resize(8);
      assert.equal(driver.request(IN, 12, 512), 1);
    });

    test(`version ${version}: a sector that only a lying register has is IOERR`, () => {
      const driver = new TestDriver({ version, sectorCount: 16 });
      driver.device.faults.onRead = (offset, value) => (offset === 0x100 ? 999 : value);
      assert.equal(driver.upTo("live").request(IN, 500, 512), 1);
    });

    test(`version ${version}: the buffer of a failed read is spoilt`, () => {
      const driver = live({ version, blkSize: 4096 });
      driver.request(IN, 0, 512);
      assert.equal(driver.bytes[driver.dataAt(0)], 0xee);
    });

    test(`version ${version}: GET_ID gives the serial, padded with zeros`, () => {
      const driver = live({ version, serial: "abc" });
      assert.equal(driver.request(8, 0, 20), 0);
      const at = driver.dataAt(0);
      assert.deepEqual(driver.bytes.slice(at, at + 5), Uint8Array.of(97, 98, 99, 0, 0));
    });

    test(`version ${version}: GET_LIFETIME gives three 16-bit numbers`, () => {
      const disk = { version, features: [F.LIFETIME], lifetime: [1, 2, 11] as const };
      const driver = live(disk, {}, [F.LIFETIME]);
      assert.equal(driver.request(10, 0, 6), 0);
      const at = driver.dataAt(0);
      assert.deepEqual(driver.bytes.slice(at, at + 6), Uint8Array.of(1, 0, 2, 0, 11, 0));
    });

    test(`version ${version}: WRITE_ZEROES zeroes exactly its range`, () => {
      const driver = live({ version, features: [F.WRITE_ZEROES] }, {}, [F.WRITE_ZEROES]);
      driver.device.store.fill(0, 4, 0x77);
      sendRange(driver, 13, [1, 2, 1]);
      assert.deepEqual(driver.next(), { id: 0, lengthBytes: 1 });
      const firsts = [0, 1, 2, 3].map((lba) => driver.device.store.read(lba, 1)[0]);
      assert.deepEqual(firsts, [0x77, 0, 0, 0x77]);
    });

    test(`version ${version}: a discarded sector is not zero`, () => {
      const driver = live({ version, features: [F.DISCARD] }, {}, [F.DISCARD]);
      sendRange(driver, 11, [1, 1, 0]);
      assert.deepEqual(driver.device.store.read(1, 1), new Uint8Array(512).fill(0xdd));
    });
  }
});

describe("model: what is written is volatile until it is flushed", () => {
  for (const version of VERSIONS) {
    test(`version ${version}: a crash takes an unflushed write away`, () => {
      const driver = live({ version });
      driver.bytes[driver.dataAt(0)] = 1;
      driver.request(OUT, 0, 512);
      driver.device.store.crash();
      assert.equal(driver.device.store.read(0, 1)[0], 0);
    });

    test(`version ${version}: a crash leaves a flushed write`, () => {
      const driver = live({ version });
      driver.bytes[driver.dataAt(0)] = 1;
      driver.request(OUT, 0, 512);
      driver.request(FLUSH, 0, 0);
      driver.device.store.crash();
      assert.equal(driver.device.store.read(0, 1)[0], 1);
    });

    test(`version ${version}: without FLUSH and CONFIG_WCE a write is durable at once`, () => {
      const driver = live({ version, features: [] });
      driver.bytes[driver.dataAt(0)] = 1;
      driver.request(OUT, 0, 512);
      assert.deepEqual(driver.device.store.unflushed, []);
    });

    test(`version ${version}: with writeback set to 0 a write is durable at once`, () => {
      const driver = live({ version, features: [F.CONFIG_WCE] }, {}, [F.CONFIG_WCE]);
      driver.write(0x120, 0, 1);
      assert.equal(driver.read(0x120, 1), 0);
      driver.request(OUT, 0, 512);
      assert.deepEqual(driver.device.store.unflushed, []);
    });
  }

  test("a crash can spare single sectors", () => {
    const store = new SectorStore(4);
    store.fill(0, 3, 5);
    store.crash((lba) => lba === 1);
    assert.deepEqual([store.read(0, 1)[0], store.read(1, 1)[0], store.read(2, 1)[0]], [0, 5, 0]);
  });
});

describe("model: a fault does what it says", () => {
  for (const version of VERSIONS) {
    for (const host of HOSTS.slice(0, 2)) {
      const name = `version ${version}, ${nameOf(host)}`;

      test(`${name}: a silent device completes nothing`, () => {
        const driver = live({ version }, host);
        driver.device.faults.isSilent = true;
        assert.equal(driver.request(IN, 0, 512), undefined);
        assert.equal(driver.device.engine.inFlightCount, 1);
      });

      test(`${name}: a deaf device works again at the next notification`, () => {
        const driver = live({ version }, host);
        driver.device.faults.isDeaf = true;
        assert.equal(driver.request(IN, 0, 512), undefined);
        driver.device.faults.isDeaf = false;
        driver.kick();
        assert.equal(driver.next()?.id, 0);
      });

      test(`${name}: held requests complete in the order the test chooses`, () => {
        const driver = live({ version }, host);
        driver.device.faults.isHolding = true;
        for (const slot of [0, 1, 2]) driver.send(IN, slot, 512, slot);
        driver.rig.clock.advance(1_000_000);
        driver.device.engine.releaseAll((held) => held.reverse());
        assert.deepEqual([driver.next()?.id, driver.next()?.id, driver.next()?.id], [6, 3, 0]);
      });

      for (const status of [0, 1, 2, 3, 0xff]) {
        test(`${name}: the status byte ${status} is what the driver sees`, () => {
          const driver = live({ version }, host);
          driver.device.faults.onRequest(anyRequest, { status });
          assert.equal(driver.request(IN, 0, 512), status);
        });
      }

      test(`${name}: the status byte stays untouched, the work is done`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(anyRequest, { status: "untouched" });
        driver.bytes[driver.dataAt(0)] = 3;
        assert.equal(driver.request(OUT, 0, 512), 0xff);
        assert.equal(driver.device.store.read(0, 1)[0], 3);
      });

      test(`${name}: the used entry names another chain`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(anyRequest, { usedId: () => 0xffff });
        driver.send(IN, 0, 512);
        assert.equal(driver.next()?.id, 0xffff);
      });

      test(`${name}: the used entry lies about the length`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(anyRequest, { usedLength: (length) => length + 1 });
        driver.send(IN, 0, 512);
        assert.equal(driver.next()?.lengthBytes, 514);
      });

      test(`${name}: the completion comes twice`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(anyRequest, { entryCount: 2 });
        driver.send(IN, 0, 512);
        assert.deepEqual([driver.next()?.id, driver.next()?.id], [0, 0]);
      });

      test(`${name}: the completion is dropped`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(anyRequest, { entryCount: 0 });
        assert.equal(driver.request(IN, 0, 512), undefined);
        assert.equal(driver.bytes[AT.status], 0);
      });

      test(`${name}: used.idx jumps`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(anyRequest, { indexStep: 5 });
        driver.send(IN, 0, 512);
        driver.next();
        assert.equal(driver.view.getUint16(AT.used + 2, true), 5);
      });

      test(`${name}: a completion is delayed by the clock`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(anyRequest, { delayNs: 5_000_000 });
        const before = driver.rig.clock.nowNs;
        driver.request(IN, 0, 512);
        assert.ok(driver.rig.clock.nowNs - before >= 5_000_000);
      });

      test(`${name}: completions are reordered at random`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(anyRequest, reordering(new Prng(3), 1_000_000));
        for (const slot of [0, 1, 2, 3, 4]) driver.send(IN, slot, 512, slot);
        const ids = [0, 1, 2, 3, 4].map(() => driver.next()?.id ?? -1);
        assert.notDeepEqual(ids, [0, 3, 6, 9, 12]);
        assert.deepEqual(
          ids.sort((a, b) => a - b),
          [0, 3, 6, 9, 12],
        );
      });

      test(`${name}: a fault is used up after its count`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(ofType(IN), { status: 1 }, 1);
        assert.deepEqual([driver.request(IN, 0, 512), driver.request(IN, 0, 512)], [1, 0]);
      });

      test(`${name}: a fault hits the chosen sectors only`, () => {
        const driver = live({ version }, host);
        driver.device.faults.onRequest(startingIn(2, 3), { status: 1 });
        const answers = [1, 2, 3, 4].map((sector) => driver.request(IN, sector, 512));
        assert.deepEqual(answers, [0, 1, 1, 0]);
      });

      test(`${name}: the device breaks at the chosen request`, () => {
        const driver = live({ version }, host);
        driver.device.faults.requestsUntilBroken = 2;
        assert.equal(driver.request(IN, 0, 512), 0);
        assert.equal(driver.request(IN, 0, 512), undefined);
        assert.equal(driver.read(0x070) & 64, 64);
        assert.equal(driver.upTo("live").request(IN, 0, 512), 0);
      });

      test(`${name}: a held request is forgotten by a reset`, () => {
        const driver = live({ version }, host);
        driver.device.faults.isHolding = true;
        driver.send(IN, 0, 512);
        driver.rig.clock.advance(1_000_000);
        driver.upTo("queue");
        assert.deepEqual(driver.device.engine.held, []);
      });
    }

    test(`version ${version}: a reset takes the chosen number of reads`, () => {
      const driver = live({ version });
      driver.device.faults.resetReads = 2;
      driver.write(0x070, 0);
      const reads = [driver.read(0x070), driver.read(0x070), driver.read(0x070)];
      assert.deepEqual(reads, [driver.status, driver.status, 0]);
    });

    test(`version ${version}: a reset can take for ever`, () => {
      const driver = live({ version });
      driver.device.faults.resetReads = Infinity;
      assert.equal(driver.reset(), false);
    });

    test(`version ${version}: a resize is announced and shown`, () => {
      const driver = live({ version, sectorCount: 8 });
      driver.device.resize(16);
      assert.equal(driver.read(0x060), 2);
      assert.equal(driver.readCapacity(), 16);
    });

    test(`version ${version}: the disk can change in the middle of a read of the capacity`, () => {
      const driver = live({ version, sectorCount: 8 });
      driver.device.faults.beforeConfigRead = (offset) => {
        if (offset === 4) driver.device.resize(24);
      };
      if (version === 2) driver.read(0x0fc);
      assert.deepEqual([driver.read(0x100), driver.read(0x104), driver.read(0x100)], [8, 0, 24]);
    });

    test(`version ${version}: features can vanish after a reset`, () => {
      const driver = live({ version });
      driver.device.offer(version === 2 ? [F.VERSION_1] : []);
      driver.upTo("live");
      assert.equal(driver.device.accepted.has(F.FLUSH), false);
    });

    test(`version ${version}: a device can be another one after a reset`, () => {
      const driver = live({ version });
      const { device } = driver;
      assert.equal(device.resetCount, 1);
      device.faults.onReset = () => (device.queueSizeMax = 8);
      driver.upTo("driver");
      assert.equal(device.resetCount, 2);
      assert.equal(device.sizeMax(0), 8);
    });

    test(`version ${version}: notifications and interrupts are counted`, () => {
      const driver = live({ version });
      driver.request(IN, 0, 512);
      driver.request(IN, 0, 512);
      assert.equal(driver.device.engine.kickCount, 2);
      assert.equal(driver.device.interrupts, 1);
    });

    test(`version ${version}: a register can lie`, () => {
      const driver = live({ version });
      driver.device.faults.onRead = (offset, value) => (offset === 0x070 ? 0xdead : value);
      assert.equal(driver.read(0x070), 0xdead);
    });

    test(`version ${version}: a used entry can come out of nothing`, () => {
      const driver = live({ version });
      driver.device.engine.forgeUsed(7, 1);
      assert.deepEqual(driver.next(), { id: 7, lengthBytes: 1 });
    });
  }

  test("a random fault is of every kind, sooner or later", () => {
    const prng = new Prng(1);
    const kinds = new Set<string>();
    for (let i = 0; i < 400; i++)
      for (const kind of Object.keys(randomFault(prng))) kinds.add(kind);
    const expected = ["delayNs", "entryCount", "indexStep", "status", "usedId", "usedLength"];
    assert.deepEqual([...kinds].sort(), expected);
  });

  test("FEATURES_OK does not stick when the device refuses", () => {
    const driver = new TestDriver({ version: 2 }).upTo("driver");
    driver.device.faults.refusesFeatures = true;
    driver.acceptFeatures();
    driver.addStatus(8);
    assert.equal(driver.read(0x070), 3);
  });

  test("FEATURES_OK does not stick without a required feature", () => {
    const disk = { version: 2, features: [F.ACCESS_PLATFORM] } as const;
    const required = { ...disk, requiredFeatures: [F.ACCESS_PLATFORM] };
    const driver = new TestDriver(required).upTo("driver");
    driver.acceptFeatures();
    driver.addStatus(8);
    assert.equal(driver.read(0x070), 3);
  });

  test("FEATURES_OK does not stick with a feature the model does not play", () => {
    const driver = new TestDriver({ version: 2, features: [F.RING_PACKED] }).upTo("driver");
    driver.acceptFeatures([F.RING_PACKED]);
    driver.addStatus(8);
    assert.equal(driver.read(0x070), 3);
  });

  test("weak memory shows the used index before the entry, until the next fence", () => {
    const driver = live({ version: 2 }, { isWeak: true });
    driver.send(IN, 0, 512);
    const shown = (): number[] => [
      driver.view.getUint16(AT.used + 2, true),
      driver.view.getUint32(AT.used + 8, true),
      driver.bytes[AT.status] ?? 0,
    ];
    assert.deepEqual(shown(), [1, 0, 0xff]);
    driver.fence();
    assert.deepEqual(shown(), [1, 513, 0]);
  });
});

describe("model: the host refuses what the shim refuses", () => {
  const rig = (): Rig => new Rig({ slots: [{}] }, () => new ArrayBuffer(4096));
  const accesses: [string, (bus: Bus) => void][] = [
    ["a window that does not exist", (bus) => bus.read(1, 0, 4)],
    ["a misaligned access", (bus) => bus.read(0, 2, 4)],
    ["an access behind the window", (bus) => bus.read(0, 0x1000, 4)],
    ["a write behind the window", (bus) => bus.write(0, 0x1000, 4, 0)],
  ];
  for (const [what, access] of accesses) {
    test(`a trap follows ${what}`, () => {
      assert.throws(() => access(rig().bus), HostTrap);
    });
  }

  const imports = (): [HostImports, Console, Uint8Array] => {
    const memory = new Uint8Array(64);
    const console = new Console();
    const handover = new Handover();
    const { bus } = rig();
    const parts = { bus, console, bootArgs: "dd read 5", handover, memoryBytes: () => memory };
    return [hostImports(parts), console, memory];
  };
  const calls: [string, string, number[]][] = [
    ["text that ends outside memory", "consoleWrite", [60, 5]],
    ["text that starts at a negative address", "consoleWrite", [-1, 1]],
    ["a length that wraps", "consoleWrite", [8, -4]],
    ["a buffer for the boot arguments outside memory", "bootArgs", [0, 65]],
    ["a panic message outside memory", "panic", [64, 1, 1]],
    ["a handover outside memory", "handoverKeep", [60, 5]],
    ["a handover read to outside memory", "handoverRead", [65, 0]],
    ["the length of a window that does not exist", "windowLength", [1]],
    ["an exit status above 255", "powerOff", [256]],
  ];
  for (const [what, name, args] of calls) {
    test(`a trap follows ${what}`, () => {
      const [host] = imports();
      assert.throws(() => host[name]?.(...args), HostTrap);
    });
  }

  test("the boot arguments are cut to the buffer, and their full length is told", () => {
    const [host, , memory] = imports();
    assert.equal(host["bootArgs"]?.(8, 4), 9);
    assert.deepEqual(memory.slice(8, 13), Uint8Array.of(100, 100, 32, 114, 0));
  });

  test("what is printed is decoded although a character came in two pieces", () => {
    const [host, console, memory] = imports();
    memory.set([0xc3, 0xa4]);
    host["consoleWrite"]?.(0, 1);
    host["consoleWrite"]?.(1, 1);
    assert.equal(console.text, "\u00e4");
  });

  test("a panic ends the machine with message and line", () => {
    const [host, , memory] = imports();
    memory.set([0x6e, 0x6f]);
    const isPanic = (error: unknown): boolean => {
      assert.ok(error instanceof MachineEnd);
      assert.deepEqual(error.end, { kind: "panic", message: "no", line: 12 });
      return true;
    };
    assert.throws(() => host["panic"]?.(0, 2, 12), isPanic);
  });
});

describe("model: time is virtual", () => {
  test("an event happens at exactly its time, however long the steps are", () => {
    const clock = new VirtualClock();
    let at = 0;
    clock.schedule(123_456_789, () => (at = clock.nowNs));
    while (at === 0) clock.read();
    assert.equal(at, 123_456_789);
  });

  test("waiting for five seconds takes fewer than ten thousand reads", () => {
    const clock = new VirtualClock();
    let reads = 0;
    while (clock.read() < 5_000_000_000) reads += 1;
    assert.ok(reads < 10_000, `${reads} reads`);
  });

  test("events of one moment happen in the order they were scheduled", () => {
    const clock = new VirtualClock();
    const order: number[] = [];
    for (const number of [1, 2, 3]) clock.schedule(10, () => order.push(number));
    clock.advance(10);
    assert.deepEqual(order, [1, 2, 3]);
  });

  test("the same seed gives the same numbers", () => {
    assert.deepEqual(new Prng(7).bytes(64), new Prng(7).bytes(64));
    assert.notDeepEqual(new Prng(7).bytes(64), new Prng(8).bytes(64));
  });
});

describe("model: a hostile device", () => {
  const hostile = (): [Machine, HostileWindow] => {
    const machine = new Machine({ slots: [{}] });
    machine.boot();
    return [machine, new HostileWindow(machine, new Prng(5))];
  };

  test("shows garbage in registers, and truth when it is told to", () => {
    const [machine, window] = hostile();
    assert.equal(window.read(0x070, 4), 15);
    window.garbageRarity = 1;
    const shown = Array.from({ length: 50 }, () => window.read(0x070, 4));
    assert.ok(new Set(shown).size > 25);
    assert.equal(window.read(0, 4), 0x74726976, "identification is left alone");
    assert.equal(machine.bus.windows[0], window);
  });

  test("overwrites the rings and status bytes, and nothing else", () => {
    const [machine, window] = hostile();
    const memory = new Uint8Array(machine.exports.memory.buffer);
    const before = memory.slice();
    for (let i = 0; i < 200; i++) window.scribbleRings();
    const { usedPhys, size } = machine.disk().engine.place!;
    const from = usedPhys - machine.memory.basePhys;
    const to = from + 6 + 8 * size;
    assert.notDeepEqual(memory.slice(from, to), before.slice(from, to));
    memory.set(before.subarray(from, to), from);
    assert.deepEqual(memory, before);
  });

  test("swallows the complaints of the model", () => {
    const [machine, window] = hostile();
    window.write(0x070, 4, 0x55);
    assert.equal(window.read(0x01c, 4), 0);
    assert.deepEqual(machine.violations, []);
  });
});
