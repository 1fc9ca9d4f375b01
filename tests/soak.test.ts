/**
 * A hundred thousand commands in one session on the device model: memory is where it was, and the
 * shell answers as it did.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Machine } from "./machine/machine.js";

const COMMANDS = 100_000;
const WARM_UP = 20_000;
const LOOKS = 25;
const PAGE_BYTES = 4096;

/** Lines of commands of every kind, those that fail included; the number of commands of each. */
const LINES: readonly [number, string][] = [
  [4, "dd write 700 text vdb; dd read 700 vdb; dd read 9999; dd reed"],
  [4, "statefs put a/b value; statefs get a/b; statefs sync; statefs put n/k x 3000"],
  [5, "statefs rm n/k; statefs ls; statefs info; statefs get nokey; statefs"],
  [3, "dd if=pattern:1 of=vdb bs=4k count=3 status=none; cmp vda vdb; crc 0 9 vdb"],
  [4, "dd if=vdb of=statefs:copy bs=1k count=2; cmp statefs:copy vdb; dd if=zero; cmp"],
  [3, "hexdump -n 20 3 vdb; hexdump x; dd if=random:3 of=crc count=1"],
  [5, "blkdevs; blkinfo; serial; cache; iostat"],
  [5, "timeout; flush; echo 'a b' c; nonsense; help dd"],
  [4, "loadmodel vdb; colour on; dd read x; colour off"],
  [21, "repeat 20 echo again"],
  [21, "repeat 20 dd read 1"],
  [11, "time repeat 9 crc 0 1"],
  [2, "statefs ge\ta/\t;statefs get c\t"],
  [2, "dd re\t1\x1b[D\x1b[C\x1b[A\x1b[B; \techo x\x1b[H\x1b[F"],
];

/** Runs lines until so many commands have been run. */
function soak(machine: Machine, commands: number): void {
  for (let done = 0, i = 0; done < commands; i++) {
    const [count, line] = LINES[i % LINES.length]!;
    for (const byte of Buffer.from(`${line}\r`)) machine.receive(byte);
    machine.run();
    done += count;
  }
}

function reservedBytes(machine: Machine): number {
  const [, bytes = ""] = /reserved_bytes=(\d+)/.exec(machine.send("blkperf --raw --count 1"))!;
  return Number(bytes);
}

function snapshot(machine: Machine): Buffer {
  return Buffer.from(new Uint8Array(machine.exports.memory.buffer));
}

/** The pages of memory in which two snapshots differ. */
function changedPages(before: Buffer, after: Buffer): number[] {
  const pages: number[] = [];
  for (let at = 0; at < before.length; at += PAGE_BYTES) {
    const isSame = before.compare(after, at, at + PAGE_BYTES, at, at + PAGE_BYTES) === 0;
    if (!isSame) pages.push(at / PAGE_BYTES);
  }
  return pages;
}

test("soak: 100,000 commands leave memory use where it was", () => {
  const machine = new Machine({
    slots: [{ sectorCount: 2048 }, { sectorCount: 1024, blkSize: 4096 }],
    bootArgs: "statefs format; statefs mount; statefs put a/c x",
  });
  machine.boot();
  const reserved = reservedBytes(machine);
  const known = new Set<number>();
  let before = snapshot(machine);
  for (let done = 0; done < WARM_UP; done += WARM_UP / LOOKS) {
    soak(machine, WARM_UP / LOOKS);
    const after = snapshot(machine);
    for (const page of changedPages(before, after)) known.add(page);
    before = after;
  }
  const first = machine.send("statefs ls; echo done");
  soak(machine, COMMANDS);
  const unknown = changedPages(before, snapshot(machine)).filter((page) => !known.has(page));
  assert.deepEqual(unknown, [], "pages that only the soak has written to");
  assert.equal(reservedBytes(machine), reserved);
  const above = snapshot(machine).subarray(reserved);
  assert.ok(above.length > 0 && above.every((byte) => byte === 0), "memory above the arena");
  assert.equal(machine.send("statefs ls; echo done"), first);
});
