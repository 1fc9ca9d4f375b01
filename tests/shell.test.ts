/** What the shell does with keys, beyond the transcripts: Ctrl-C, type-ahead, echo, floods. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Machine, PROMPT } from "./machine/machine.js";

const CTRL_C = 3;
const HISTORY_LINES = 16;

function booted(options = {}): Machine {
  const machine = new Machine(options);
  machine.boot();
  return machine;
}

test("shell: every key is echoed at once, byte for byte", () => {
  const machine = booted();
  assert.equal(machine.type("dd rü"), "dd rü");
});

test("shell: Ctrl-C at the prompt drops the line", () => {
  const machine = booted();
  assert.equal(machine.type("dd write 1 x\x03"), `dd write 1 x^C\r\n${PROMPT}`);
  assert.match(machine.send("dd read 1"), /vda sector 1: 00/);
});

test("shell: Ctrl-C drops the rest of the line and what was typed ahead", () => {
  const machine = booted();
  machine.disk().faults.isSilent = true;
  for (const byte of Buffer.from("dd read 1; blkdevs\rhelp\r")) machine.receive(byte);
  machine.step();
  machine.step();
  machine.receive(CTRL_C);
  machine.console.mark();
  machine.run();
  const output = machine.console.fresh;
  assert.match(output, /dd: read at sector 1 on vda: no answer from the device in time/);
  assert.doesNotMatch(output, /blocks|lists/);
  assert.ok(output.endsWith(PROMPT));
});

test("shell: a change that Ctrl-C interrupts between read and write is not written", () => {
  const machine = booted({ slots: [{ blkSize: 4096 }] });
  machine.disk().faults.isHolding = true;
  for (const byte of Buffer.from("dd write 1 x\r")) machine.receive(byte);
  for (let i = 0; i < 5; i++) machine.step();
  machine.receive(CTRL_C);
  machine.disk().faults.isHolding = false;
  machine.disk().engine.releaseAll();
  machine.run();
  assert.match(machine.console.text, /dd: write at sector 1 on vda: interrupted/);
  assert.equal(machine.disk().store.read(1, 1)[0], 0);
});

test("shell: lines typed ahead run one after another", () => {
  const machine = booted();
  machine.console.mark();
  for (const byte of Buffer.from("dd write 1 one\rdd write 2 two\ndd read 1\r\n"))
    machine.receive(byte);
  machine.run();
  const output = machine.console.fresh;
  assert.match(output, /sector 1: wrote 3[^]*sector 2: wrote 3[^]*sector 1: 6f 6e 65/);
  assert.equal(output.split(PROMPT).length - 1, 3, "CR LF ends one line, not two");
});

test("shell: input beyond what is kept is refused with a bell, and the shell goes on", () => {
  const machine = booted();
  machine.console.mark();
  for (let i = 0; i < 5000; i++) machine.receive(0x61);
  machine.run();
  assert.match(machine.console.fresh, /\x07/);
  machine.receive(CTRL_C);
  machine.run();
  assert.match(machine.send("blkdevs"), /vda:/);
});

test("shell: any bytes at all leave a shell that answers", () => {
  const machine = booted();
  const noise = Uint8Array.from({ length: 4000 }, (_, i) => (i * 7919 + (i >> 5) * 31) & 0xff);
  machine.type(noise.filter((byte) => byte !== CTRL_C));
  machine.type("\x1b[A\x1b[A\x03");
  assert.match(machine.send("blkdevs"), /vda:/);
});

test("shell: the history holds the last sixteen lines", () => {
  const machine = booted();
  for (let i = 0; i < HISTORY_LINES + 4; i++) machine.send(`dd read ${i}`);
  const up = "\x1b[A".repeat(HISTORY_LINES + 10);
  assert.match(machine.send(`${up}`), /vda sector 4:/);
});

test("shell: a line as long as the buffer runs, one byte more is refused as a whole", () => {
  const machine = booted();
  assert.match(machine.send(`dd read 1${" ".repeat(1024 - 9)}`), /vda sector 1/);
  assert.match(
    machine.send(`dd write 1 x${" ".repeat(1025 - 12)}`),
    /longer than 1024 bytes and was not run/,
  );
  assert.match(machine.send("dd read 1"), /vda sector 1: 00/);
});

test("shell: boot arguments that do not fit are refused as a whole", () => {
  const machine = new Machine({ bootArgs: `dd write 1 x;${" ".repeat(4096)}` });
  assert.match(machine.boot(), /boot arguments: too long, none of them is run/);
  assert.match(machine.send("dd read 1"), /vda sector 1: 00/);
});

test("shell: boot arguments without power-off end at the prompt", () => {
  const machine = new Machine({ bootArgs: "dd write 1 x" });
  assert.ok(machine.boot().endsWith(`zero-padded to 512\r\n${PROMPT}`));
});

test("shell: a read-only disk needs no flush", () => {
  const machine = booted({ slots: [{ isReadOnly: true }] });
  assert.match(machine.send("flush"), /vda is read-only, there is nothing to flush/);
});
