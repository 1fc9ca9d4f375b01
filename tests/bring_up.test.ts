/** The driver on the device model, from probing to DRIVER_OK, and each way in which that fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { VERSIONS } from "./embedder.js";
import { Machine, type MachineOptions } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { F, Status } from "./machine/spec.js";

/** What the driver makes use of, besides what the transport asks for and RO. */
const KNOWN = [
  F.SIZE_MAX,
  F.SEG_MAX,
  F.BLK_SIZE,
  F.FLUSH,
  F.TOPOLOGY,
  F.CONFIG_WCE,
  F.DISCARD,
  F.WRITE_ZEROES,
  F.LIFETIME,
  F.SECURE_ERASE,
  F.INDIRECT_DESC,
  F.EVENT_IDX,
];
const CAPACITY = 0;
const BLK_SIZE = 20;

function boot(options: MachineOptions): { machine: Machine; output: string } {
  const machine = new Machine(options);
  return { machine, output: machine.boot().replaceAll("\r", "") };
}

/**
 * Boots a machine with this disk and a sound one, and checks that the first is refused with `cause`
 * and the second works.
 */
function refuses(disk: DiskOptions, cause: RegExp, sabotage?: (machine: Machine) => void): Machine {
  const machine = new Machine({ slots: [disk, { version: disk.version ?? 2 }] });
  sabotage?.(machine);
  const output = machine.boot();
  assert.match(output, new RegExp(`^vda: .*not usable: ${cause.source}`, "m"));
  assert.match(machine.send("dd read 0"), new RegExp(`dd: vda: ${cause.source}`));
  assert.match(machine.send("dd read 0 vdb"), /vdb sector 0: 00 00/);
  return machine;
}

for (const version of VERSIONS) {
  const name = `bring-up, version ${version}`;

  test(`${name}: whatever is offered, only known features are accepted`, () => {
    const all = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => bit !== F.RO);
    const features = version === 1 ? all.filter((bit) => bit < 32) : all;
    const { machine } = boot({ slots: [{ version, features, limits: { segMax: 8 } }] });
    const expected = version === 1 ? [...KNOWN, F.ANY_LAYOUT] : [...KNOWN, F.VERSION_1];
    assert.deepEqual([...machine.disk().accepted].sort(byNumber), expected.sort(byNumber));
    assert.ok(machine.disk().status.has(Status.DRIVER_OK));
  });

  test(`${name}: a disk that offers nothing optional works, with synchronous writes`, () => {
    const { machine, output } = boot({ slots: [{ version, features: [] }] });
    assert.match(output, /512-byte blocks, synchronous writes/);
    assert.match(machine.send("dd write 1 x"), /wrote 1 byte/);
    assert.match(machine.send("flush"), /vda has no write cache/);
    assert.deepEqual(machine.disk().store.unflushed, []);
  });

  test(`${name}: a read-only disk is accepted as one`, () => {
    const { machine } = boot({ slots: [{ version, isReadOnly: true }] });
    assert.ok(machine.disk().accepted.has(F.RO));
  });

  test(`${name}: a reset that takes its time is waited for`, () => {
    const machine = new Machine({ slots: [{ version }] });
    machine.disk().faults.resetReads = 500;
    machine.boot();
    assert.match(machine.send("dd read 0"), /vda sector 0/);
  });

  test(`${name}: a reset that never ends is given up after a second`, () => {
    const machine = refuses({ version }, /device does not come out of reset/, (m) => {
      m.disk().faults.resetReads = Infinity;
    });
    assert.ok(machine.clock.nowNs < 2e9, `took ${machine.clock.nowNs} ns`);
  });

  for (const [queueSizeMax, used] of [
    [4, 4],
    [8, 8],
    [100, 64],
    [1024, 256],
  ] as const) {
    test(`${name}: of a queue of at most ${queueSizeMax}, ${used} entries are used`, () => {
      const { machine } = boot({ slots: [{ version, queueSizeMax }] });
      assert.match(machine.send("blkinfo"), new RegExp(`queue +${used} entries`));
      assert.match(machine.send("dd write 3 abc; dd read 3"), /61 62 63 00/);
    });
  }

  for (const queueSizeMax of [0, 1, 2]) {
    test(`${name}: a queue of ${queueSizeMax} entries is refused with FAILED`, () => {
      const machine = refuses({ version, queueSizeMax }, /device does not accept a usable queue/);
      assert.ok(machine.disk().status.has(Status.FAILED));
    });
  }

  test(`${name}: a queue that the device does not take is refused`, () => {
    const offset = version === 1 ? 0x40 : 0x44; // QueuePFN, QueueReady
    refuses({ version }, /device does not accept a usable queue/, (machine) => {
      machine.disk().faults.onRead = (at, value) => (at === offset ? 0 : value);
    });
  });

  for (const blkSize of [0, 256, 513, 1000, 131072]) {
    test(`${name}: a block size of ${blkSize} is refused with FAILED`, () => {
      const machine = refuses({ version }, /device configuration makes no sense/, (m) => {
        m.disk().faults.onRead = (at, value) => (at === 0x100 + BLK_SIZE ? blkSize : value);
      });
      assert.ok(machine.disk().status.has(Status.FAILED));
    });
  }

  test(`${name}: a capacity of more bytes than 64 bits count is refused`, () => {
    refuses({ version }, /device configuration makes no sense/, (machine) => {
      const high = 0x100 + CAPACITY + 4;
      machine.disk().faults.onRead = (at, value) => (at === high ? 0x8000_0000 : value);
    });
  });

  test(`${name}: a capacity that changes while it is read is read again`, () => {
    const machine = new Machine({ slots: [{ version, sectorCount: 64 }] });
    let changes = 0;
    machine.disk().faults.beforeConfigRead = (offset) => {
      if (offset === CAPACITY + 4 && changes++ === 0) machine.disk().resize(4096);
    };
    assert.match(machine.boot(), /vda: .*, 4096 sectors/);
  });

  test(`${name}: a capacity that never holds still is refused in bounded time`, () => {
    refuses({ version }, /device configuration makes no sense/, (machine) => {
      let low = 0;
      machine.disk().faults.onRead = (at, value) => (at === 0x100 + CAPACITY ? ++low : value);
    });
  });

  test(`${name}: limits that leave no room for a block are refused`, () => {
    const features = [F.SIZE_MAX, F.SEG_MAX, F.BLK_SIZE];
    const limits = { sizeMax: 1024, segMax: 2 };
    refuses({ version, features, limits, blkSize: 4096 }, /device configuration makes no sense/);
  });

  test(`${name}: empty slots, other devices and other versions are left alone`, () => {
    const { machine, output } = boot({
      slots: [
        "empty",
        { foreign: { deviceId: 1 } },
        { version },
        { foreign: { magic: 0x12345678 } },
        { foreign: { version: 3, deviceId: 2 } },
        { version, sectorCount: 8 },
      ],
    });
    assert.match(output, /vdb: .*, 8 sectors/);
    assert.match(output, /window 4: not used, its version is neither 1 nor 2/);
    assert.equal(machine.exports.blkCount(), 2);
  });

  test(`${name}: of nine disks the first eight are used, and the ninth is named`, () => {
    const slots = Array.from({ length: 9 }, () => ({ version }));
    const { machine, output } = boot({ slots });
    assert.match(output, /vdh: /);
    assert.match(output, /window 8: not used, there are eight already/);
    assert.match(machine.send("dd write 5 last vdh; dd read 5 vdh"), /6c 61 73 74/);
  });
}

test("bring-up: a device that takes FEATURES_OK back is refused with FAILED", () => {
  const machine = refuses({}, /device does not accept a usable set of features/, (m) => {
    m.disk().faults.refusesFeatures = true;
  });
  assert.ok(machine.disk().status.has(Status.FAILED));
});

test("bring-up: a version 2 device without VERSION_1 is refused with FAILED", () => {
  const machine = refuses({}, /device does not accept a usable set of features/, (m) => {
    m.disk().offer([F.BLK_SIZE, F.FLUSH]);
  });
  assert.ok(machine.disk().status.has(Status.FAILED));
});

test("bring-up, version 2: a generation that never holds still is refused", () => {
  refuses({ version: 2 }, /device configuration makes no sense/, (machine) => {
    let generation = 0;
    machine.disk().faults.onRead = (at, value) => (at === 0xfc ? ++generation : value);
  });
});

test("bring-up, version 1: memory whose page number does not fit the register is refused", () => {
  const { machine, output } = boot({ slots: [{ version: 1 }], dmaBase: 2 ** 44 });
  assert.match(output, /^vda: .*not usable: device does not accept a usable queue/m);
  assert.ok(machine.disk().status.has(Status.FAILED));
});

test("bring-up: device addresses may be plain offsets, as behind the guard of the kernel", () => {
  const machine = new Machine({ slots: [{ version: 1 }, { version: 2 }], dmaBase: 0 });
  machine.boot();
  for (const disk of ["vda", "vdb"]) {
    assert.match(machine.send(`blktest ${disk}`), /blktest: 11 passed, 0 failed/);
    assert.match(machine.send(`diagnose ${disk}`), /nothing is stuck/);
  }
});

test("bring-up: a machine without windows comes up to a prompt", () => {
  const { output } = boot({ slots: [] });
  assert.match(output, /no disk found\nTSBLK: ready\ntsblk> $/);
});

test("bring-up: linear memory that is not page aligned is a panic", () => {
  const machine = new Machine({ dmaBase: 0x8000_0018 });
  machine.boot();
  assert.equal(machine.end?.kind, "panic");
  assert.match(JSON.stringify(machine.end), /linear memory is not page aligned in driver\/dma.ts/);
});

function byNumber(a: number, b: number): number {
  return a - b;
}
