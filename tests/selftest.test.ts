/** selftest over several boots, on the device model and in QEMU, and what it says of bad disks. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { startingIn } from "./machine/faults.js";
import { Machine } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { F } from "./machine/spec.js";
import { makeFolder, makeImage } from "./qemu/images.js";
import { QemuMachine } from "./qemu/qemu.js";
import { SECTOR_BYTES, VERSIONS } from "./qemu/session.js";

const SECTORS = 8192;
const FIRST_RECORD = 256;
const IOERR = 1;
const DISK = { sectorCount: SECTORS };

const FIRST = /persistence skip no earlier boot has stored anything\nSELFTEST: statefs ok\n/;
const LATER = /persistence ok\nSELFTEST: statefs ok\n/;
const ALL_OK = /\nSELFTEST: all ok\n$/;

/** A boot with `cmd` of a machine whose disk holds `image`; the disk afterwards is in `image`. */
function boot(cmd: string, image: Uint8Array, disk: DiskOptions = DISK): [string, number | null] {
  const machine = new Machine({ slots: [disk], bootArgs: cmd });
  const { store } = machine.disk();
  store.place(0, image);
  const output = machine.boot().replaceAll("\r", "");
  store.crash();
  image.set(store.read(0, store.sectorCount));
  return [output, machine.end?.kind === "powerOff" ? machine.end.code : null];
}

function formatted(): Uint8Array {
  const image = new Uint8Array(SECTORS * SECTOR_BYTES);
  const [output, status] = boot("statefs format; selftest; poweroff", image);
  assert.match(output, FIRST);
  assert.match(output, ALL_OK);
  assert.equal(status, 0);
  return image;
}

test("selftest: what an earlier boot stored is found again, also after a power cut", () => {
  const image = formatted();
  for (let count = 2n; count < 5n; count++) {
    const [output, status] = boot("selftest; selftest; poweroff", image);
    assert.equal(output.split(LATER).length, 3, output);
    assert.equal(status, 0);
    const [dump] = boot("statefs mount; dd if=statefs:selftest/boots of=hex count=1", image);
    assert.match(dump, new RegExp(`00000000  0${count} 00 00 00 00 00 00 00`));
  }
});

for (const transport of VERSIONS) {
  test(`selftest: qemu, ${transport}: what an earlier boot stored is found again`, async (t) => {
    const disk = makeImage(makeFolder(t), "a.img", SECTORS * SECTOR_BYTES);
    for (const [cmd, expected] of [
      ["statefs format; selftest; poweroff", FIRST],
      ["selftest; poweroff", LATER],
    ] as const) {
      const machine = new QemuMachine(t, { transport, disks: [disk], cmd });
      assert.equal(await machine.exit(), 0);
      assert.match(machine.log, expected);
      assert.match(machine.log, ALL_OK);
    }
    const value = readFileSync(disk).subarray(FIRST_RECORD * SECTOR_BYTES + 64 + 14);
    assert.equal(value.readBigUInt64LE(), 1n, "the first record is that of the first boot");
  });
}

test("selftest: a stored value that has been damaged is a failure, and stays as it is", () => {
  const image = formatted();
  const at = (FIRST_RECORD + 3) * SECTOR_BYTES;
  image[at] = image[at]! ^ 1;
  for (let i = 0; i < 2; i++) {
    const [output, status] = boot("selftest; poweroff", image);
    assert.match(
      output,
      /persistence fail data is corrupt\nSELFTEST: statefs fail data is corrupt/,
    );
    assert.match(output, /\nSELFTEST: all fail 2 of \d+\n/);
    assert.equal(status, 1);
  }
});

test("selftest: a value of somebody else under its key is a failure, and stays as it is", () => {
  const image = formatted();
  boot("statefs mount; statefs put selftest/boots theirs; statefs sync", image);
  const [output, status] = boot("selftest; statefs get selftest/boots; poweroff", image);
  assert.match(output, /persistence fail data is not what was written/);
  assert.match(output, /^theirs$/m);
  assert.equal(status, 1);
});

test("selftest: a disk that can promise nothing is read and not written", () => {
  const image = formatted();
  const before = image.slice();
  const [output] = boot("selftest; poweroff", image, { ...DISK, isReadOnly: true });
  assert.match(output, /persistence ok\nSELFTEST: statefs skip disk is read-only/);
  const volatile = { ...DISK, features: [F.BLK_SIZE, F.CONFIG_WCE] };
  assert.match(boot("selftest; poweroff", image, volatile)[0], /statefs skip the disk has a write/);
  assert.deepEqual(image, before);
});

test("selftest: a disk that fails is told with the cause, and the rest is tested", () => {
  const machine = new Machine({ slots: [{ sectorCount: 65536 }] });
  machine.boot();
  machine.disk().faults.onRequest(startingIn(49152, 49152), { status: IOERR });
  const output = machine.send("selftest").replaceAll("\r", "");
  assert.match(output, /SELFTEST: read-far fail device reported an I\/O error\n/);
  assert.match(output, /SELFTEST: full-queue ok\n/);
  assert.match(output, /SELFTEST: all fail 1 of 14\n$/);
});

test("selftest: Ctrl-C puts back what was overwritten", () => {
  const machine = new Machine({ slots: [DISK], mode: "deferred" });
  machine.boot();
  const content = Uint8Array.from({ length: SECTORS * SECTOR_BYTES }, (_, i) => i * 7 + (i >> 9));
  machine.disk().store.place(0, content);
  for (let steps = 50; steps < 450; steps += 50) {
    for (const byte of Buffer.from("selftest\r")) machine.receive(byte);
    for (let i = 0; i < steps; i++) machine.step();
    machine.receive(3);
    machine.console.mark();
    machine.run();
    assert.match(machine.console.fresh, /SELFTEST: all fail interrupted/, `${steps} steps`);
    assert.deepEqual(machine.disk().store.read(0, SECTORS), content, `${steps} steps`);
  }
});
