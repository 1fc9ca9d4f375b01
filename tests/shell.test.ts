/** What the shell does with keys, beyond the transcripts: Ctrl-C, type-ahead, echo, floods. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Machine, PROMPT } from "./machine/machine.js";
import { F } from "./machine/spec.js";

const CTRL_C = 3;
const QUESTION = "The contents of 8 sectors from 16 on are lost on vda. Type yes to go on: ";
const ZEROED = "vda: 8 sectors from 16 on zeroed\r\n";
const HISTORY_LINES = 16;

function booted(options = {}): Machine {
  const machine = new Machine(options);
  machine.boot();
  return machine;
}

/** A machine whose disk can fill with zeros, 8 sectors at a time; sector 16 is not zero. */
function bootedToZero(options = {}): Machine {
  const disk = {
    features: [F.BLK_SIZE, F.FLUSH, F.WRITE_ZEROES],
    limits: { maxWriteZeroesSectors: 8 },
  };
  const machine = new Machine({ slots: [disk], ...options });
  machine.disk().store.place(16, Buffer.from("kept"));
  return machine;
}

function isKept(machine: Machine): boolean {
  return machine.disk().store.read(16, 1)[0] !== 0;
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
  assert.match(machine.boot(), /boot arguments: more than 4096 bytes, none of them is run/);
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

test("shell: a command that destroys asks, and goes on only after yes", () => {
  const machine = bootedToZero();
  machine.boot();
  for (const answer of ["no", "", "y", "yes!", "YES", " yes"]) {
    assert.ok(machine.type("zero 16 8\r").endsWith(`\r\n${QUESTION}`));
    assert.equal(machine.type(`${answer}\r`), `${answer}\r\nzero: not done\r\n${PROMPT}`);
    assert.ok(isKept(machine), `'${answer}' is not yes`);
  }
  machine.type("zero 16 8\r");
  assert.equal(machine.type("yes\r"), `yes\r\n${ZEROED}${PROMPT}`);
  assert.ok(!isKept(machine));
});

test("shell: an answer is edited like a line", () => {
  const machine = bootedToZero();
  machine.boot();
  machine.type("zero 16 8\r");
  machine.type("no\x15yess\x7f\r");
  assert.ok(!isKept(machine));
});

test("shell: Ctrl-C is no, and drops the rest of the line", () => {
  const machine = bootedToZero();
  machine.boot();
  machine.type("zero 16 8; dd write 1 x\r");
  assert.equal(machine.type("ye\x03"), `ye^C\r\nzero: not done\r\n${PROMPT}`);
  assert.ok(isKept(machine));
  assert.equal(machine.disk().store.read(1, 1)[0], 0);
  assert.match(machine.send("dd read 16"), /kept/);
});

test("shell: an answer too long to be one is no", () => {
  const machine = bootedToZero();
  machine.boot();
  machine.type("zero 16 8\r");
  assert.ok(machine.type(`yes${" ".repeat(1100)}\r`).endsWith(`zero: not done\r\n${PROMPT}`));
  assert.ok(isKept(machine));
});

test("shell: an answer is not in the history", () => {
  const machine = bootedToZero();
  machine.boot();
  machine.type("zero 16 8\r");
  machine.type("yes\r");
  assert.ok(machine.type("\x1b[A").endsWith("zero 16 8"));
});

test("shell: an arrow key at a question does not bring the command as its answer", () => {
  const machine = bootedToZero();
  machine.boot();
  machine.type("zero 16 8\r");
  machine.type("\x1b[A\r");
  assert.ok(isKept(machine));
  assert.match(machine.send("dd read 16"), /kept/);
});

test("shell: boot arguments are never asked back about", () => {
  const machine = bootedToZero({ bootArgs: "zero 16 8; dd read 16" });
  const output = machine.boot();
  assert.doesNotMatch(output, /Type yes/);
  assert.ok(output.includes(ZEROED));
  assert.ok(!isKept(machine));
});

test("shell: a command refused is not asked back about", () => {
  const machine = bootedToZero();
  machine.boot();
  for (const range of ["16 0", "16 9999", "9999 1", "x 1", "16", "16 8 vdb"]) {
    assert.doesNotMatch(machine.send(`zero ${range}`), /Type yes/);
  }
  assert.ok(isKept(machine));
});

test("shell: Ctrl-C within a range says how far it came, and nothing more is sent", () => {
  const machine = bootedToZero();
  machine.boot();
  machine.type("zero 8 32\r");
  machine.disk().faults.isHolding = true;
  for (const byte of Buffer.from("yes\r")) machine.receive(byte);
  for (let i = 0; i < 5; i++) machine.step();
  machine.receive(CTRL_C);
  machine.console.mark();
  machine.disk().faults.isHolding = false;
  machine.disk().engine.releaseAll();
  machine.run();
  assert.match(
    machine.console.fresh,
    /zero: 32 sectors from 8 on, vda: the first 8 done, then interrupted/,
  );
  assert.ok(isKept(machine));
});

test("shell: a range that failed does not make the next one fail", () => {
  const machine = bootedToZero();
  machine.boot();
  machine.disk().faults.onRequest(() => true, { status: 1 }, 1);
  machine.type("zero 16 8\r");
  assert.match(machine.type("yes\r"), /vda: device reported an I\/O error/);
  assert.ok(isKept(machine));
  machine.type("zero 16 8\r");
  assert.equal(machine.type("yes\r"), `yes\r\n${ZEROED}${PROMPT}`);
});

test("shell: a notice shows the line that is being typed again", () => {
  const machine = booted();
  machine.type("dd re");
  machine.disk().resize(4096);
  machine.console.mark();
  machine.idle(200e6);
  const notice = "\r\nvda: capacity is now 4096 sectors (2 MiB)\r\n";
  assert.equal(machine.console.fresh, `${notice}${PROMPT}dd re`);
  assert.match(machine.send("ad 4095"), /vda sector 4095: 00/);
});

test("shell: a notice at a question shows the question again, and the answer so far", () => {
  const machine = bootedToZero();
  machine.boot();
  machine.type("zero 16 8\r");
  machine.type("ye");
  machine.disk().resize(4096);
  machine.console.mark();
  machine.idle(200e6);
  assert.match(machine.console.fresh, /capacity is now/);
  assert.ok(machine.console.fresh.endsWith(`${QUESTION}ye`), machine.console.fresh);
  assert.ok(machine.type("s\r").includes(ZEROED));
});

test("shell: a key sequence that is cut off swallows neither Enter nor Ctrl-C", () => {
  for (const cutOff of ["\x1b", "\x1b[", "\x1b[1;", "\x1bO"]) {
    const machine = booted();
    assert.match(machine.type(`blkdevs${cutOff}\r`), /vda: /);
    assert.match(machine.type(`dd write 1 x${cutOff}\x03`), /\^C\r\ntsblk> $/);
    assert.match(machine.type(`nonsense${cutOff}\x15blkdevs\r`), /vda: /);
  }
});

test("shell: the cache of a disk without FLUSH can be switched off", () => {
  const machine = booted({ slots: [{ features: [F.CONFIG_WCE] }] });
  assert.match(machine.send("cache writethrough"), /vda: synchronous writes/);
  assert.equal(machine.disk().isWriteback(), false);
  assert.match(machine.send("cache writeback"), /vda: write-back cache/);
});

test("shell: colours come only when asked for, and end with their text", () => {
  const machine = new Machine({ bootArgs: "colour on" });
  assert.ok(machine.boot().endsWith("\x1b[1mtsblk> \x1b[0m"));
  const red = "\x1b[31mdd: read at sector 9999 on vda: past the end of the disk\x1b[0m\r\n";
  assert.ok(machine.type("dd read 9999\r").includes(`\r\n${red}\x1b[1m`));
  assert.match(machine.type("blktest\r"), / 1 \x1b\[32mPASS\x1b\[0m read sector 0\r\n/);
  machine.disk().faults.onRequest(() => true, { status: 1 }, 2);
  assert.match(machine.type("blktest\r"), / 4 \x1b\[31mFAIL\x1b\[0m write 8 sectors: device/);
  machine.type("colour off\r");
  assert.doesNotMatch(machine.type("dd read 9999\r"), /\x1b/);
});

/** The lines of `help` that are about a command: its name and its example. */
function helpExamples(machine: Machine): [string, string][] {
  const lines = machine.send("help").split("\r\n");
  const rows = lines.filter((line) => line.startsWith("  "));
  return rows.map((line) => [line.slice(2, 12).trim(), line.slice(53)]);
}

test("shell: help and every help of a command keep to 80 columns", () => {
  const machine = booted();
  const names = helpExamples(machine).map(([name]) => name);
  assert.ok(names.length > 25);
  for (const line of ["help", ...names.map((name) => `help ${name}`)]) {
    const tooLong = machine
      .send(line)
      .split("\r\n")
      .filter((text) => text.length > 80);
    assert.deepEqual(tooLong, [], line);
  }
});

test("shell: every example of help is one that its command takes", () => {
  const features = [F.BLK_SIZE, F.FLUSH, F.DISCARD, F.WRITE_ZEROES, F.SECURE_ERASE, F.CONFIG_WCE];
  const slots = [{ features, sectorCount: 4096 }, { sectorCount: 4096 }];
  const mounted = "statefs format; statefs mount";
  for (const [name, example] of helpExamples(booted())) {
    assert.equal(example.split(" ")[0], name);
    const machine = new Machine({ slots, bootArgs: `${mounted}; ${example}; poweroff` });
    const output = machine.boot();
    for (let i = 0; i < 10 && !machine.end; i++) machine.idle(100e6);
    if (name === "reboot") assert.equal(machine.end?.kind, "reboot");
    else if (name === "fault") assert.equal(machine.end?.kind, "panic");
    else if (name === "cmp") assert.match(output, /^vda vdb differ: byte 0/m);
    else if (name === "loadmodel") assert.match(output, /there is no GGUF file here/);
    else assert.deepEqual(machine.end, { kind: "powerOff", code: 0 }, `${example}\n${output}`);
  }
});

test("shell: a command that sleeps leaves the host alone until it is nearly time", () => {
  const machine = booted();
  assert.ok(!machine.type("time repeat 2 sleep 2; echo done\r").includes(PROMPT));
  machine.console.mark();
  machine.idle(100e6);
  assert.equal(machine.console.fresh, "", "it is not time yet");
  for (let i = 0; i < 60; i++) machine.idle(100e6);
  assert.match(machine.console.fresh, /^time: 4(\.0\d*)? s\r\ndone\r\ntsblk> $/);
});

test("shell: Ctrl-C ends a sleep at once", () => {
  const machine = booted();
  machine.type("sleep 3600; echo done\r");
  assert.equal(machine.type("\x03"), `^C\r\n${PROMPT}`);
});

test("shell: a text without its quotes is told so, and nothing is written", () => {
  const machine = booted();
  const hint = "a text with spaces wants quotes: dd write 3 'two words'";
  assert.ok(machine.send("dd write 3 two words").includes(`dd: 'words' is no disk; ${hint}`));
  assert.ok(machine.send("dd write 3 one two three vda").includes(hint));
  assert.match(machine.send("dd write 3 two vdz"), /vdz: no such disk/);
  assert.equal(machine.disk().store.read(3, 1)[0], 0);
});
