/**
 * Transcripts: sessions written down as a terminal shows them, in tests/transcripts/*.txt.
 *
 *   # What it shows, the name of the test.
 *   disk sectors=64 [read-only] [blk_size=4096]   a disk, vda first
 *   put vda 9 "text"                              what the host has in a sector beforehand
 *   boot dd read 9; poweroff                      boot arguments; the output has no prompts then
 *   ---
 *   tsblk> dd read 9                              a line that is typed
 *   vda sector 9: ...                             what comes back; `...` is anything in the line
 *   ... Type yes to go on: yes                    a question, and the answer that is typed
 *   ---
 *   expect vda 9 "text"                           what the host finds afterwards, zeros behind it
 *   status 0                                      the exit status of the machine
 *
 * In typed lines and quoted texts, \xHH is a byte, \t a tab, and {x*9} nine times x.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";

const PROMPT = "tsblk> ";
const QUESTION = /^(.*Type yes to go on: )(.*)$/;
const SECTOR_BYTES = 512;
const FOLDER = "tests/transcripts";

export interface DiskSpec {
  sectors: number;
  readOnly: boolean;
  blockBytes: number;
  /** What is on the disk beforehand, by sector. */
  contents: Map<number, Buffer>;
}

/** What is typed, and what comes back up to the next prompt or question, the question included. */
interface Exchange {
  line: number;
  input: Buffer;
  expected: string[];
}

export interface Transcript {
  file: string;
  title: string;
  disks: DiskSpec[];
  bootArgs: string;
  /** Typed lines; with boot arguments one exchange without input. */
  exchanges: Exchange[];
  expected: { disk: number; sector: number; content: Buffer }[];
  status: number | null;
}

/** A machine that a transcript can be run on. Output is given with its line ends as "\n". */
export interface Subject {
  /** What comes before the first prompt, or before the end when there is none. */
  boot(): Promise<string>;
  /** Types a line; what comes behind the echo, up to a prompt, behind a question, or to the end. */
  type(input: Buffer): Promise<string>;
  /** Ends the machine if it still runs; its exit status if it has ended itself, otherwise null. */
  stop(): Promise<number | null>;
  /** A sector of a disk, as the host sees it after `stop`. */
  sector(disk: number, sector: number): Buffer;
}

export function allTranscripts(): Transcript[] {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));
  return files.sort().map((name) => parse(join(FOLDER, name)));
}

/** Runs a transcript and compares all it says. */
export async function play(transcript: Transcript, subject: Subject): Promise<void> {
  let status: number | null = null;
  try {
    const booted = await subject.boot();
    const output = booted.slice(booted.indexOf("TSBLK: ready\n") + "TSBLK: ready\n".length);
    if (transcript.bootArgs) compare(transcript, transcript.exchanges[0]!, output);
    else {
      for (const exchange of transcript.exchanges) {
        compare(transcript, exchange, await subject.type(exchange.input));
      }
    }
  } finally {
    status = await subject.stop();
  }
  if (transcript.status !== null) assert.equal(status, transcript.status, "exit status");
  for (const { disk, sector, content } of transcript.expected) {
    const found = subject.sector(disk, sector);
    assert.deepEqual(found, padded(content), `sector ${sector} of disk ${disk} on the host`);
  }
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content], SECTOR_BYTES);
}

function compare(transcript: Transcript, exchange: Exchange, output: string): void {
  const found = output.replace(/\n$/, "").split("\n");
  const expected = exchange.expected.length > 0 ? exchange.expected : [""];
  const matches =
    found.length === expected.length &&
    expected.every((line, i) => linePattern(line).test(found[i] ?? ""));
  const where = `${transcript.file}:${exchange.line}`;
  if (!matches) assert.equal(found.join("\n"), expected.join("\n"), where);
}

function linePattern(line: string): RegExp {
  const parts = line.split("...").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

function parse(path: string): Transcript {
  const [head = "", session = "", tail = ""] = readFileSync(path, "utf8").split(/^---\n/m);
  const transcript: Transcript = {
    file: basename(path),
    title: "",
    disks: [],
    bootArgs: "",
    exchanges: [],
    expected: [],
    status: null,
  };
  for (const line of [...head.split("\n"), ...tail.split("\n")]) parseDirective(transcript, line);
  parseSession(transcript, session, head.split("\n").length);
  return transcript;
}

function parseDirective(transcript: Transcript, line: string): void {
  const [word = "", ...rest] = line.split(" ");
  const operand = rest.join(" ");
  if (word === "#") transcript.title = `${transcript.title} ${operand}`.trim();
  else if (word === "disk") transcript.disks.push(parseDisk(rest));
  else if (word === "boot") transcript.bootArgs = operand;
  else if (word === "status") transcript.status = Number(operand);
  else if (word === "put" || word === "expect") parseContent(transcript, word, operand);
  else assert.equal(line, "", `${transcript.file}: not a directive`);
}

function parseDisk(words: string[]): DiskSpec {
  const value = (key: string) => words.find((word) => word.startsWith(`${key}=`))?.split("=")[1];
  return {
    sectors: Number(value("sectors")),
    readOnly: words.includes("read-only"),
    blockBytes: Number(value("blk_size") ?? SECTOR_BYTES),
    contents: new Map(),
  };
}

function parseContent(transcript: Transcript, word: string, operand: string): void {
  const match = /^vd([a-h]) (\d+) "(.*)"$/.exec(operand);
  assert(match, `${transcript.file}: '${operand}' is not a disk, a sector and a text`);
  const disk = match[1]!.charCodeAt(0) - "a".charCodeAt(0);
  const sector = Number(match[2]);
  const content = unescape(match[3]!);
  if (word === "put") transcript.disks[disk]!.contents.set(sector, content);
  else transcript.expected.push({ disk, sector, content });
}

function parseSession(transcript: Transcript, session: string, headLines: number): void {
  const exchanges = transcript.exchanges;
  if (transcript.bootArgs) exchanges.push({ line: headLines, input: Buffer.of(), expected: [] });
  session.split("\n").forEach((text, i) => {
    const line = headLines + 1 + i;
    const type = (input: string) => exchanges.push({ line, input: unescape(input), expected: [] });
    const [, question = "", answer = ""] = QUESTION.exec(text) ?? [];
    if (text.startsWith(PROMPT) && !transcript.bootArgs) type(text.slice(PROMPT.length));
    else if (question !== "") {
      exchanges.at(-1)!.expected.push(question);
      type(answer);
    } else if (text !== "") exchanges.at(-1)!.expected.push(text);
  });
}

/** The bytes that a text with escapes stands for. */
function unescape(text: string): Buffer {
  const repeated = text.replace(/\{(.)\*(\d+)\}/g, (_, char: string, count: string) =>
    char.repeat(Number(count)),
  );
  const parts = repeated.split(/(\\x[0-9a-f]{2}|\\t)/);
  return Buffer.concat(
    parts.map((part) => {
      if (part === "\\t") return Buffer.of(9);
      if (part.startsWith("\\x")) return Buffer.of(parseInt(part.slice(2), 16));
      return Buffer.from(part, "utf8");
    }),
  );
}
