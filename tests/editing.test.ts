/**
 * The line editor and Tab as a user sees them: what is on the terminal after every key is compared
 * with what a plain model of a line says, and Tab with what there is to complete.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Machine, PROMPT } from "./machine/machine.js";
import { Prng } from "./machine/prng.js";

const UP = "\x1b[A";
const DOWN = "\x1b[B";
const BELL = "\x07";
const CTRL_C = 3;

/** The last row of a terminal, and where its cursor is. */
class Row {
  private cells: string[] = [];
  private column = 0;

  write(text: string): void {
    for (const char of text) {
      if (char === "\n") this.cells = [];
      else if (char === "\r") this.column = 0;
      else if (char === "\b") this.column -= 1;
      else if (char !== BELL) this.cells[this.column++] = char;
      assert.ok(this.column >= 0, "the cursor left the row");
    }
  }

  /** The row with the cursor shown as "|", blanks at its end taken off. */
  get shown(): string {
    const before = this.cells.slice(0, this.column).join("");
    return `${before}|${this.cells.slice(this.column).join("").trimEnd()}`;
  }
}

/** A line as it should be after each key. */
class LineModel {
  before: string[] = [];
  behind: string[] = [];
  private readonly lines: string[] = [];
  private at = 0;
  private draft = "";

  press(key: string): void {
    const { before, behind } = this;
    if (key === "\x1b[D" && before.length > 0) behind.unshift(before.pop()!);
    else if (key === "\x1b[C" && behind.length > 0) before.push(behind.shift()!);
    else if (key === "\x1b[H" || key === "\x01") behind.unshift(...before.splice(0));
    else if (key === "\x1b[4~" || key === "\x05") before.push(...behind.splice(0));
    else if (key === "\x7f") before.pop();
    else if (key === "\x1b[3~") behind.shift();
    else if (key === "\x15") this.set("");
    else if (key === UP) this.recall(-1);
    else if (key === DOWN) this.recall(1);
    else if (!key.startsWith("\x1b")) before.push(key);
  }

  enter(): void {
    const line = [...this.before, ...this.behind].join("");
    if (line !== "" && line !== this.lines.at(-1)) this.lines.push(line);
    this.at = this.lines.length;
    this.set("");
  }

  private set(text: string): void {
    this.before = [...text];
    this.behind = [];
  }

  private recall(step: number): void {
    const line = this.at + step;
    if (line < Math.max(0, this.lines.length - 16) || line > this.lines.length) return;
    if (this.at === this.lines.length) this.draft = [...this.before, ...this.behind].join("");
    this.at = line;
    this.set(this.lines[line] ?? this.draft);
  }

  get shown(): string {
    return `${PROMPT}${this.before.join("")}|${this.behind.join("").trimEnd()}`;
  }
}

const KEYS = [
  ...["a", "b", " ", "ö", "€", "\u{10348}", "x", "y"],
  ...["\x1b[D", "\x1b[D", "\x1b[C", "\x1b[H", "\x01", "\x1b[4~", "\x05"],
  ...["\x7f", "\x1b[3~", "\x15", UP, DOWN, "\x1b[15~", "\x1bOP"],
];

for (const seed of [1, 2, 3, 4]) {
  test(`editing: what is shown after any key is what a line should be, seed ${seed}`, () => {
    const prng = new Prng(seed);
    const machine = new Machine();
    const row = new Row();
    const line = new LineModel();
    row.write(machine.boot());
    const trace: string[] = [];
    for (let i = 0; i < 3000; i++) {
      const key = KEYS[prng.below(KEYS.length)]!;
      trace.push(key);
      line.press(key);
      row.write(machine.type(key));
      assert.equal(row.shown, line.shown, JSON.stringify(trace.slice(-12)));
      if (prng.below(40) > 0) continue;
      line.enter();
      row.write(machine.type("\r"));
      assert.equal(row.shown, line.shown, "after Enter");
    }
  });
}

test("editing: what runs is the whole line, wherever the cursor is", () => {
  const machine = new Machine();
  machine.boot();
  assert.match(machine.send("cho one two\x1b[He"), /\none two\r\n$/);
  assert.match(machine.send("echo onetwo\x1b[D\x1b[D\x1b[D \x1b[H"), /\none two\r\n$/);
});

test("editing: Ctrl-D says how to leave, or deletes what is under the cursor", () => {
  const machine = new Machine();
  machine.boot();
  const hint = "'poweroff' ends the machine; Ctrl-A x ends QEMU";
  assert.equal(machine.type("\x04"), `\r\n${hint}\r\n${PROMPT}`);
  assert.match(machine.send("echo abc\x1b[D\x1b[D\x04"), /\nac\r\n$/);
  for (const word of ["exit", "quit", "logout", "halt", "shutdown"]) {
    assert.match(machine.send(word), /unknown command '.*', 'poweroff' ends the machine\r\n$/);
  }
});

test("editing: Ctrl-D at a question is no", () => {
  const machine = new Machine();
  machine.boot();
  machine.type("fill 1 0 8\r");
  assert.match(machine.type("\x04"), /fill: not done/);
});

test("editing: a line that was begun is there again behind the history", () => {
  const machine = new Machine();
  machine.boot();
  machine.send("echo first");
  machine.type(`echo beg${UP}${UP}`);
  assert.match(machine.send(`${DOWN}un`), /\nbegun\r\n$/);
});

test("editing: a notice leaves line and cursor as they were", () => {
  const machine = new Machine();
  const row = new Row();
  row.write(machine.boot());
  row.write(machine.type("echo ab\x1b[D"));
  machine.console.mark();
  machine.disk().resize(4096);
  machine.idle(200e6);
  row.write(machine.console.fresh);
  assert.equal(row.shown, `${PROMPT}echo a|b`);
});

/** A machine with two disks and keys on the first one. */
function withKeys(mode: "immediate" | "deferred" = "immediate"): Machine {
  const machine = new Machine({
    slots: [{ sectorCount: 4096 }, { sectorCount: 64 }],
    mode,
    bootArgs: "statefs format; statefs mount; statefs put boot/one 1; statefs put boot/other 2",
  });
  machine.boot();
  machine.send("statefs put solo 3; statefs put 'with space' 4; statefs put größe 5");
  return machine;
}

for (const [typed, completed] of [
  ["blkt", "blktest "],
  ["sel", "selftest "],
  ["bl", "blk"],
  ["xyz", "xyz"],
  ["help blki", "help blkinfo "],
  ["time repeat 3 blki", "time repeat 3 blkinfo "],
  ["time blkinfo v", "time blkinfo vd"],
  ["echo a; blki", "echo a; blkinfo "],
  ["echo 'a; blki", "echo 'a; blki"],
  ["blkinfo vda", "blkinfo vda "],
  ["blktest --", "blktest --tap "],
  ["blkperf --inst", "blkperf --instructions "],
  ["cache vda writet", "cache vda writethrough "],
  ["iostat re", "iostat reset "],
  ["colour of", "colour off "],
  ["hexdump -n 4 0 v", "hexdump -n 4 0 vd"],
  ["dd re", "dd read "],
  ["dd i", "dd i"],
  ["dd b", "dd bs="],
  ["dd if=z", "dd if=zero "],
  ["dd if=ra", "dd if=random:"],
  ["dd if=zero of=st", "dd if=zero of=statefs:"],
  ["dd if=zero of=statefs:so", "dd if=zero of=statefs:solo "],
  ["dd conv=fs", "dd conv=fsync "],
  ["dd status=pr", "dd status=progress "],
  ["cmp v", "cmp vd"],
  ["cmp statefs:s", "cmp statefs:solo "],
  ["statefs comp", "statefs compact "],
  ["statefs get b", "statefs get boot/o"],
  ["statefs rm boot/on", "statefs rm boot/one "],
  ["statefs ls s", "statefs ls solo "],
  ["statefs put gr", "statefs put größe "],
  ["statefs put solo s", "statefs put solo s"],
  ["statefs get wi", "statefs get with"],
  ["statefs get 'wi", "statefs get 'with space"],
  ["statefs format v", "statefs format vd"],
  ["statefs sync v", "statefs sync v"],
  ["nonsense v", "nonsense v"],
] as const) {
  test(`tab: '${typed}' becomes '${completed}'`, () => {
    for (const mode of ["immediate", "deferred"] as const) {
      const machine = withKeys(mode);
      const row = new Row();
      row.write(PROMPT);
      row.write(machine.type(typed));
      row.write(machine.type("\t"));
      assert.equal(row.shown, `${PROMPT}${completed}|`);
    }
  });
}

test("tab: completes what is in front of the cursor, and keeps what is behind", () => {
  const machine = withKeys();
  const row = new Row();
  row.write(machine.type("blki vdb\x1b[D\x1b[D\x1b[D\x1b[D\t"));
  assert.equal(row.shown, "blkinfo | vdb");
  assert.match(machine.send(""), /disk +vdb/);
});

test("tab: a bell when there is nothing to put in, and the second Tab lists", () => {
  const machine = withKeys();
  machine.type("statefs get ");
  assert.equal(machine.type("\t"), BELL);
  const list = "\r\nboot/one        boot/other      solo            with space      größe";
  const listed = machine.type("\t");
  assert.ok(listed.startsWith(list), JSON.stringify(listed));
  assert.ok(listed.endsWith(`\r\n${PROMPT}statefs get `));
  assert.equal(machine.type("x\t"), `x${BELL}`, "another key starts over");
});

test("tab: lists of commands keep to 80 columns", () => {
  const machine = withKeys();
  assert.equal(machine.type("\t"), BELL);
  const rows = machine.type("\t").split("\r\n");
  assert.ok(rows.length > 5);
  for (const row of rows) assert.ok(row.trimEnd().length <= 80, row);
  assert.ok(rows.join(" ").includes("selftest"));
});

test("tab: long lists are cut, and say by how much", () => {
  const machine = withKeys();
  const puts = Array.from({ length: 250 }, (_, i) => `statefs put many/${i} x`);
  for (const line of puts) machine.send(line);
  machine.type("statefs get many/\t");
  const listed = machine.type("\t");
  assert.match(listed, /\.\.\. and 50 more\r\n/);
});

test("tab: at a question it does nothing but sound", () => {
  const machine = withKeys();
  machine.type("fill 1 0 8 vdb\r");
  assert.equal(machine.type("y\tes"), `y${BELL}es`);
});

test("tab: without a StateFS there are no keys to complete", () => {
  const machine = new Machine();
  machine.boot();
  assert.equal(machine.type("statefs get \t"), `statefs get ${BELL}`);
});

test("tab: Ctrl-C ends the search for keys and drops the line", () => {
  const machine = withKeys("deferred");
  const { faults, engine } = machine.disk();
  faults.isHolding = true;
  for (const byte of Buffer.from("statefs get b\t")) machine.receive(byte);
  for (let i = 0; i < 400; i++) machine.step();
  assert.ok(engine.held.length > 0);
  machine.receive(CTRL_C);
  machine.console.mark();
  faults.isHolding = false;
  engine.releaseAll();
  machine.run();
  assert.ok(machine.console.fresh.endsWith(`^C\r\n${PROMPT}`), machine.console.fresh);
  assert.match(machine.send("statefs get solo"), /\n3\r\n$/);
});

test("tab: lines with Tabs that are typed ahead run one after another", () => {
  const machine = withKeys("deferred");
  machine.console.mark();
  for (const byte of Buffer.from("statefs g\tsol\t\recho th\tere\r")) machine.receive(byte);
  machine.run();
  assert.match(machine.console.fresh, /\n3\r\n[^]*\nthere\r\n/);
});
