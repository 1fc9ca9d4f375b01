/**
 * tsblk-disk: the driver on an image without QEMU, and both of them on the same image, one after
 * the other and never at once.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { FileStore } from "../scripts/file_store.js";
import { isLockedIn } from "../scripts/image_lock.js";
import { MediumFailure } from "./machine/disk.js";
import { Machine } from "./machine/machine.js";
import { Prng } from "./machine/prng.js";
import { allocatedBytes, makeFolder, makeImage, qemuImg, readText } from "./qemu/images.js";
import { QemuMachine } from "./qemu/qemu.js";
import { bootWith, expectImage, numbered } from "./qemu/session.js";

const PROGRAM = "scripts/tsblk_disk.sh";
const SECTORS = 16384;
const IMAGE_BYTES = SECTORS * 512;
const DEADLINE_MS = 60_000;
/** 8 GiB. */
const FAR_SECTORS = 2 ** 24;

interface Outcome {
  status: number | null;
  out: Buffer;
  errors: string;
}

function run(args: string[], input: Uint8Array = new Uint8Array(0), program = PROGRAM): Outcome {
  const { status, stdout, stderr } = spawnSync(program, args, { input, timeout: DEADLINE_MS });
  return { status, out: stdout, errors: stderr.toString() };
}

/** What a command prints that goes well and complains about nothing. */
function good(...args: string[]): string {
  const { status, out, errors } = run(args);
  assert.deepEqual([status, errors], [0, ""], out.toString());
  return out.toString();
}

test("tsblk-disk: a command prints what it prints in the guest, and nothing else", (t) => {
  const image = makeImage(makeFolder(t), "a.img", numbered(SECTORS));
  assert.match(good(image, "dd", "read", "300"), /^vda sector 300: 2c 01 00 00 aa .*\n$/);
  assert.equal(
    good(image, "dd", "write", "7", "two words"),
    "vda sector 7: wrote 9 bytes, zero-padded to 512\n",
  );
  assert.equal(readText(image, 7), "two words");
});

test("tsblk-disk: words reach the command as they are, one word is a line of the shell", (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  for (const text of ["it's", 'a "quoted" text; no more', "", "  ", "größe"]) {
    assert.equal(good(image, "echo", text), `${text}\n`);
  }
  assert.equal(good(image, "echo a; echo b"), "a\nb\n");
});

test("tsblk-disk: progress is not for a file or a pipe", (t) => {
  const image = makeImage(makeFolder(t), "a.img", 192 << 20);
  const output = good(image, "crc", "0", String(192 << 11));
  assert.match(output, /^crc32c 0x[0-9a-f]{8}\n201326592 bytes [^\n\r]* read, [^\n\r]*\n$/);
});

test("tsblk-disk: ends with 1 when a command fails, and with what poweroff says", (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  assert.equal(run([image, "dd", "read", "16384"]).status, 1);
  assert.equal(run([image, "poweroff", "5"]).status, 5);
  const unclosed = run([image, "echo 'x"]);
  assert.equal(unclosed.status, 1);
  assert.match(unclosed.out.toString(), /^missing closing quote .* not run\n$/);
});

const VALUE_SIZES = [0, 1, 511, 512, 513, 65_536, 300_001, 1 << 20];
const FEWER_SIZES = [1, 4097, 300_001];

for (const blockBytes of [512, 4096]) {
  test(`tsblk-disk: values go in and come out byte for byte, ${blockBytes}-byte blocks`, (t) => {
    const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
    const at = ["--block", String(blockBytes), image];
    assert.match(good(...at, "statefs", "format"), /^vda: formatted, /);
    const random = new Prng(blockBytes);
    const sizes = blockBytes === 512 ? VALUE_SIZES : FEWER_SIZES;
    const values = sizes.map((size) => random.bytes(size));
    values.forEach((value, i) => {
      const { status, out, errors } = run([...at, "statefs", "put", `it's/${i}`], value);
      assert.deepEqual([status, out.length, errors], [0, 0, ""]);
    });
    values.forEach((value, i) => {
      const { status, out, errors } = run([...at, "statefs", "get", `it's/${i}`]);
      assert.deepEqual([status, errors], [0, ""]);
      assert.ok(out.equals(value), `${value.length} bytes`);
    });
    assert.match(
      good(...at, "statefs", "check"),
      /^vda: \d keys, \d+ bytes verified, 0 damaged\n$/,
    );
  });
}

test("tsblk-disk: what is put is stable, and found after a change and a removal", (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  good(image, "statefs", "format");
  good(image, "statefs", "put", "a", "first");
  good(image, "statefs", "put", "b", "x", "1000");
  assert.match(good(image, "statefs", "info"), /log: .*\b4 units, 4 of them stable/);
  good(image, "dd", "if=statefs:a", "of=statefs:c", "status=none");
  assert.match(good(image, "statefs", "info"), /log: .*\b5 units, 5 of them stable/);
  good(image, "statefs", "rm", "a");
  const listed = good(image, "statefs", "ls");
  assert.match(listed, /  b\n.*  c\n2 keys, 1005 bytes\n$/);
});

test("tsblk-disk: --first is where a volume in the middle of a disk begins", (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  good(image, "statefs", "format", "vda", "1000", "2000");
  run(["--first", "1000", image, "statefs", "put", "k"], Buffer.from("middle"));
  assert.equal(run(["--first", "1000", image, "statefs", "get", "k"]).out.toString(), "middle");
  const { status, errors } = run([image, "statefs", "get", "k"]);
  assert.equal(status, 1);
  assert.match(errors, /^statefs: mount: /m);
});

test("tsblk-disk: a key that is not there and a value that is too long are said so", (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  good(image, "statefs", "format");
  const missing = run([image, "statefs", "get", "nope"]);
  assert.deepEqual([missing.status, missing.out.length], [1, 0]);
  assert.equal(missing.errors, "statefs: get nope: no such key\n");
  const long = run([image, "statefs", "put", "long"], new Uint8Array((1 << 20) + 1));
  assert.equal(long.status, 2);
  assert.match(long.errors, /a value has at most 1048576 bytes/);
});

test("tsblk-disk: damage is told of, also when the command goes well", (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  good(image, "statefs", "format");
  good(image, "statefs", "put", "a", "first");
  good(image, "statefs", "put", "b", "second");
  good(image, "dd", "write", "256", "damage");
  const { out, errors } = run([image, "statefs", "get", "b"]);
  assert.equal(out.toString(), "second");
  assert.match(errors, /^damaged: .*sector 256/);
});

test("tsblk-disk: QEMU finds what it has put, and it finds what QEMU has put", async (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  const value = new Prng(1).bytes(70_000);
  good(image, "statefs", "format");
  run([image, "statefs", "put", "host"], value);
  const machine = await bootWith(t, "modern", [image]);
  await machine.command("statefs mount");
  assert.match(await machine.command("statefs ls"), /^ +70000 .*  host\n/);
  await machine.command("dd if=statefs:host of=statefs:guest status=none; statefs rm host");
  await machine.command("statefs sync");
  await machine.kill();
  assert.ok(run([image, "statefs", "get", "guest"]).out.equals(value));
  assert.match(good(image, "statefs", "ls"), /^1 key,/m);
});

test("tsblk-disk: an image that QEMU has open is refused, afterwards it is free", async (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  for (const drive of ["cache=writeback", "readonly=on"]) {
    const machine = await bootWith(t, "modern", [{ path: image, drive }]);
    const { status, errors } = run([image, "dd", "write", "1", "x"]);
    assert.equal(status, 2, drive);
    assert.match(errors, /a\.img is in use: .*lock/);
    await machine.kill();
  }
  good(image, "dd", "write", "1", "x");
  assert.equal(readText(image, 1), "x");
});

/** A tsblk-disk that has begun to sleep. */
async function sleeper(image: string): Promise<ChildProcess> {
  const child = spawn(PROGRAM, [image, "echo asleep; sleep 600"]);
  await once(child.stdout, "data");
  return child;
}

test("tsblk-disk: QEMU does not start on its image, nor does another tsblk-disk", async (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  const child = await sleeper(image);
  t.after(() => void child.kill("SIGKILL"));
  const machine = new QemuMachine(t, { disks: [image] });
  assert.equal(await machine.exit(), 1);
  assert.match(machine.errors, /lock/);
  assert.match(run([image, "echo", "x"]).errors, /is in use/);
  child.kill("SIGKILL");
  await once(child, "close");
  // Its qemu-io ends when it reads the end of its input
  let status: number | null = 2;
  for (const start = Date.now(); status === 2 && Date.now() - start < 10_000;) {
    status = run([image, "echo", "x"]).status;
  }
  assert.equal(status, 0);
});

test("tsblk-disk: locks of QEMU are known by device, file and byte", () => {
  const line = (place: string, range: string): string =>
    `12: POSIX  ADVISORY  WRITE 77 ${place} ${range}\n` +
    `13: OFDLCK ADVISORY  READ -1 ${place} ${range}\n`;
  const device = (0xfen << 8n) | 3n;
  assert.ok(isLockedIn(line("fe:03:2212268", "100 101"), device, 2212268n));
  assert.ok(isLockedIn(line("fe:03:2212268", "201 201"), device, 2212268n));
  assert.ok(!isLockedIn(line("fe:04:2212268", "100 101"), device, 2212268n));
  assert.ok(!isLockedIn(line("fe:03:2212269", "100 101"), device, 2212268n));
  assert.ok(!isLockedIn(line("fe:03:2212268", "0 9"), device, 2212268n));
  assert.ok(!isLockedIn("13: POSIX  ADVISORY  WRITE 77 fe:03:1 100 101\n", device, 1n));
  assert.ok(!isLockedIn("", device, 1n));
});

const REFUSALS: [string, (folder: string) => string[], RegExp][] = [
  ["nothing", () => [], /^tsblk-disk: usage: /],
  ["no command", (folder) => [makeImage(folder, "a.img", 512)], /usage: /],
  ["an unknown option", (folder) => ["--fast", "1", folder], /usage: /],
  ["a missing image", (folder) => [join(folder, "no.img"), "help"], /no such file.*no\.img/],
  ["a folder", (folder) => [folder, "help"], /is not a regular file/],
  ["an empty image", (folder) => [makeImage(folder, "a.img", 0), "help"], /has 0 bytes, not/],
  ["700 bytes", (folder) => [makeImage(folder, "a.img", 700), "help"], /has 700 bytes, not a/],
  [
    "half a block",
    (folder) => ["--block", "4096", makeImage(folder, "a.img", 4096 + 512), "help"],
    /not a whole number of 4096-byte blocks/,
  ],
  [
    "blocks of 1000 bytes",
    (folder) => ["--block", "1000", makeImage(folder, "a.img", 4096), "help"],
    /blocks of 1000 bytes: a power of two/,
  ],
  [
    "a qcow2 image",
    (folder) => {
      const path = makeImage(folder, "a.img", 0);
      qemuImg("create", "-q", "-f", "qcow2", path, "1M");
      return [
        makeImage(folder, "b.img", Buffer.concat([readFileSync(path), Buffer.alloc(504)])),
        "help",
      ];
    },
    /is a qcow2 image/,
  ],
  [
    "a line that is too long",
    (folder) => [makeImage(folder, "a.img", 4096), "echo", "x".repeat(4096)],
    /the command is too long/,
  ],
];

for (const [what, make, message] of REFUSALS) {
  test(`tsblk-disk: ${what} is refused`, (t) => {
    const { status, out, errors } = run(make(makeFolder(t)));
    assert.deepEqual([status, out.length], [2, 0]);
    assert.match(errors, message);
  });
}

test("tsblk-disk: what is not written stays a hole, and far sectors are reached", (t) => {
  const image = makeImage(makeFolder(t), "a.img", FAR_SECTORS * 512);
  good(image, "dd", "write", String(FAR_SECTORS - 1), "last");
  assert.match(good(image, "dd", "read", "5000000"), /: 00 00 00 00/);
  assert.ok(allocatedBytes(image) <= 65_536);
  assert.equal(readText(image, FAR_SECTORS - 1), "last");
});

test("tsblk-disk: a large copy is in the file as it should be", (t) => {
  const image = makeImage(makeFolder(t), "a.img", numbered(SECTORS));
  good(
    image,
    "dd",
    "if=vda",
    "of=vda",
    "bs=64k",
    "count=32",
    "seek=64",
    "conv=notrunc",
    "status=none",
  );
  const expected = numbered(SECTORS);
  expected.copy(expected, 64 << 16, 0, 32 << 16);
  expectImage(image, expected);
});

test("tsblk-disk: what the system refuses is an I/O error of the disk", (t) => {
  const image = makeImage(makeFolder(t), "a.img", IMAGE_BYTES);
  const file = openSync(image, "r");
  const machine = new Machine({ slots: [{ store: new FileStore(file, SECTORS) }] });
  machine.boot();
  assert.match(machine.send("dd write 1 x"), /device reported an I\/O error/);
  assert.match(machine.send("dd read 1"), /: 00 00/);
  closeSync(file);
  assert.match(machine.send("dd read 1"), /device reported an I\/O error/);
  assert.throws(() => new FileStore(file, SECTORS).flush(), MediumFailure);
});

test("tsblk-disk: it works from anywhere, by a link, and says when it is not built", (t) => {
  const folder = resolve(makeFolder(t));
  const image = makeImage(folder, "a.img", 4096);
  symlinkSync(resolve(PROGRAM), join(folder, "tsblk-disk"));
  assert.equal(
    run([image, "echo", "x"], undefined, join(folder, "tsblk-disk")).out.toString(),
    "x\n",
  );
  mkdirSync(join(folder, "scripts"));
  copyFileSync(PROGRAM, join(folder, PROGRAM));
  const { status, errors } = run([image, "echo", "x"], undefined, join(folder, PROGRAM));
  assert.equal(status, 2);
  assert.match(errors, /^tsblk-disk: not built yet: run make build in .* first\n$/);
});

test("tsblk-disk: npx finds it", (t) => {
  const image = makeImage(makeFolder(t), "a.img", 4096);
  const { status, out } = run(["tsblk-disk", image, "echo", "found"], undefined, "npx");
  assert.deepEqual([status, out.toString()], [0, "found\n"]);
});
