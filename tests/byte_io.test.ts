/** Byte-level I/O on the device model, through dd, hexdump and crc, which are nothing but that. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bench, SECTOR_BYTES, randomBytes } from "./copies.js";
import { crc32c } from "./machine/crc32c.js";
import { startingIn } from "./machine/faults.js";
import { F } from "./machine/spec.js";

const SEED = 5;
const OUT = 1;

function write(bench: Bench, offset: number, lengthBytes: number): string {
  return bench.run(
    `dd if=random:${SEED} of=vda bs=64K count=${lengthBytes} iflag=count_bytes ` +
      `seek=${offset} oflag=seek_bytes status=none`,
  );
}

function read(bench: Bench, offset: number, lengthBytes: number): number {
  const output = bench.run(
    `dd if=vda of=crc bs=64K count=${lengthBytes} skip=${offset} ` +
      `iflag=skip_bytes,count_bytes status=none`,
  );
  return parseInt(/^crc32c 0x([0-9a-f]{8})\n$/.exec(output)?.[1] ?? "", 16);
}

/** Offsets and lengths around the edges of blocks. */
function edges(blockBytes: number): number[] {
  const near = [0, blockBytes, 2 * blockBytes, 3 * blockBytes].flatMap((edge) => [
    edge - 1,
    edge,
    edge + 1,
  ]);
  return [...near, Math.floor(blockBytes / 2)].filter((value) => value >= 0);
}

for (const blkSize of [512, 4096]) {
  const disk = { blkSize, sectorCount: 64 };
  const capacity = 64 * SECTOR_BYTES;
  const name = `byte I/O, blocks of ${blkSize}`;

  test(`${name}: a write of any offset and length changes these bytes and no other`, () => {
    const bench = new Bench([disk]);
    for (const offset of edges(blkSize)) {
      for (const length of edges(blkSize)) {
        assert.equal(write(bench, offset, length), "");
        randomBytes(SEED, 0, length).copy(bench.shadows[0]!, offset);
        bench.check(`${length} bytes at ${offset}`);
      }
    }
  });

  test(`${name}: a read of any offset and length brings these bytes`, () => {
    const bench = new Bench([disk]);
    for (const offset of edges(blkSize)) {
      for (const length of edges(blkSize)) {
        const expected = crc32c(0, bench.shadows[0]!.subarray(offset, offset + length));
        assert.equal(read(bench, offset, length), expected, `${length} bytes at ${offset}`);
      }
    }
  });

  test(`${name}: the last bytes of the disk are reached, and none behind them`, () => {
    const bench = new Bench([disk]);
    for (const length of [0, 1, blkSize - 1, blkSize, blkSize + 1]) {
      const offset = capacity - length;
      const expected = crc32c(0, bench.shadows[0]!.subarray(offset));
      assert.equal(read(bench, offset, length), expected);
      assert.equal(write(bench, offset, length), "");
      randomBytes(SEED, 0, length).copy(bench.shadows[0]!, offset);
    }
    assert.match(write(bench, capacity - 1, 2), /write at sector 64 on vda: past the end/);
    bench.shadows[0]!.set(randomBytes(SEED, 0, 1), capacity - 1);
    assert.match(write(bench, capacity + 1, 1), /seek= of 32769 bytes is past the end, at 32768/);
    bench.check("the end");
  });

  const blockSectors = blkSize / SECTOR_BYTES;
  for (const [part, block] of [
    ["head", 1],
    ["middle", 2],
    ["tail", 4],
  ] as const) {
    const lba = block * blockSectors;
    const offset = blkSize + 100;
    const length = 3 * blkSize;
    const first = part === "head" ? offset : lba * SECTOR_BYTES;

    test(`${name}: an error in the ${part} of a read names the sector`, () => {
      const bench = new Bench([disk]);
      bench.machine.disk().faults.onRequest(startingIn(lba, lba), { status: 1 });
      const output = bench.run(
        `dd if=vda of=crc bs=64K count=${length} skip=${offset} ` +
          "iflag=skip_bytes,count_bytes status=none",
      );
      assert.match(output, new RegExp(`^dd: read at sector ${Math.floor(first / 512)} on vda`));
      assert.match(output, /device reported an I\/O error/);
      bench.machine.disk().faults.clearRequests();
      const expected = crc32c(0, bench.shadows[0]!.subarray(offset, offset + length));
      assert.equal(read(bench, offset, length), expected);
    });

    test(`${name}: an error in the ${part} of a write leaves the neighbours alone`, () => {
      const bench = new Bench([disk]);
      const matches = startingIn(lba, lba);
      const { faults } = bench.machine.disk();
      faults.onRequest((request) => request.type === OUT && matches(request), { status: 1 });
      const output = write(bench, offset, length);
      assert.match(output, new RegExp(`write at sector ${Math.floor(first / 512)} on vda: device`));
      // The model spoils nothing on the disk: what was not written is as it was
      const found = bench.content(0);
      const shadow = bench.shadows[0]!;
      assert.deepEqual(found.subarray(0, offset), shadow.subarray(0, offset));
      assert.deepEqual(found.subarray(offset + length), shadow.subarray(offset + length));
      const failed = found.subarray(lba * SECTOR_BYTES, lba * SECTOR_BYTES + blkSize);
      assert.deepEqual(failed, shadow.subarray(lba * SECTOR_BYTES, lba * SECTOR_BYTES + blkSize));
      faults.clearRequests();
      assert.equal(write(bench, offset, length), "");
    });
  }

  test(`${name}: Ctrl-C between the read and the write of a ragged end writes nothing`, () => {
    const bench = new Bench([disk]);
    const { faults, engine } = bench.machine.disk();
    faults.isHolding = true;
    bench.start("dd if=random:1 of=vda bs=10 count=1", 60);
    assert.equal(engine.held.length, 1);
    bench.machine.receive(3);
    faults.isHolding = false;
    engine.releaseAll();
    bench.machine.run();
    assert.match(bench.machine.console.text, /interrupted after 0 bytes/);
    bench.check("after Ctrl-C");
  });
}

test("byte I/O: large spans are several requests deep", () => {
  const bench = new Bench([{ sectorCount: 16384 }]);
  const { faults, engine } = bench.machine.disk();
  faults.isHolding = true;
  bench.start("crc 0 16384", 60);
  assert.ok(engine.held.length >= 8, `${engine.held.length} in flight`);
  faults.isHolding = false;
  engine.releaseAll((held) => held.reverse());
  bench.machine.run();
  const expected = crc32c(0, bench.shadows[0]!).toString(16).padStart(8, "0");
  assert.match(bench.machine.console.text, new RegExp(`crc32c 0x${expected}`));
});

test("byte I/O: a queue with room for one request only makes it slower", () => {
  const bench = new Bench([{ queueSizeMax: 4, blkSize: 4096, sectorCount: 2048 }]);
  assert.equal(write(bench, 1000, 600_000), "");
  randomBytes(SEED, 0, 600_000).copy(bench.shadows[0]!, 1000);
  bench.check("a small queue");
  const expected = crc32c(0, bench.shadows[0]!.subarray(999, 700_999));
  assert.equal(read(bench, 999, 700_000), expected);
});

test("byte I/O: a reset in the middle is replayed and changes nothing", () => {
  const bench = new Bench([{ blkSize: 4096, sectorCount: 2048 }]);
  bench.machine.disk().faults.requestsUntilBroken = 5;
  assert.match(write(bench, 1000, 600_000), /vda/);
  randomBytes(SEED, 0, 600_000).copy(bench.shadows[0]!, 1000);
  bench.check("after a reset");
});

test("byte I/O: a disk that does not come out of a reset in the middle is left alone", () => {
  const bench = new Bench([{ blkSize: 4096, sectorCount: 2048 }]);
  bench.machine.disk().faults.requestsUntilBroken = 5;
  bench.machine.disk().faults.resetReads = Infinity;
  assert.match(write(bench, 1000, 600_000), /^vda: .* given up until 'reset'\n *dd: write at /m);
});

test("byte I/O: offsets and lengths near 2^63 and 2^64 are refused, not wrapped", () => {
  const bench = new Bench([{ sectorCount: 64 }]);
  const largest = "9223372036854775807";
  for (const line of [
    `hexdump ${largest}`,
    `hexdump -n ${largest} 0`,
    `hexdump -n 1 ${64 * 512}`,
    `dd if=vda of=null skip=${largest} iflag=skip_bytes`,
    `dd if=zero of=vda seek=${largest} oflag=seek_bytes`,
    `crc ${largest} 1`,
    `crc 1 ${largest}`,
    `crc 36028797018963968 1`,
  ]) {
    assert.match(bench.run(line), /past the end(, at 32768| of the disk)\n$/, line);
  }
  assert.match(bench.run("hexdump 18446744073709551616"), /number is too large/);
  assert.match(bench.run(`dd if=vda of=null bs=512 skip=${largest}`), /number is too large/);
  bench.check("refused");
});

test("byte I/O: a read-only disk is refused before anything is read", () => {
  const bench = new Bench([{ isReadOnly: true, features: [F.BLK_SIZE], blkSize: 4096 }]);
  assert.match(write(bench, 1, 1), /of=vda: disk is read-only/);
  bench.check("read-only");
});
