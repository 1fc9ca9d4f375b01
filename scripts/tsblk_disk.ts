/**
 * tsblk-disk: the shell of tsblk on an image of the host, without QEMU. The same driver.wasm runs
 * over the device model, which reads and writes the file; FLUSH is fsync.
 *
 *     npx tsblk-disk [--block BYTES] [--first SECTOR] IMAGE COMMAND [WORD]...
 *
 * Beyond what the shell does: a StateFS is mounted before a command that needs one, and synced
 * after one that changes it; `statefs put KEY` takes the value from standard input, and
 * `statefs get KEY` writes it to standard output, byte for byte. Nothing is asked back about.
 *
 * It refuses, with status 2: an image that is not there, no whole number of blocks, in qcow2
 * format, or in use by QEMU (image_lock.ts). Otherwise it ends with 0, with 1 when a command has
 * failed, and with 70 after a panic.
 */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SectorStore } from "../tests/machine/disk.js";
import type { DiskOptions } from "../tests/machine/options.js";
import { F } from "../tests/machine/spec.js";
import { type Command, type Outcome, Refusal, runSession } from "./disk_session.js";
import { FileStore } from "./file_store.js";
import { type ImageLock, lockImage } from "./image_lock.js";

const MODULE = fileURLToPath(new URL("../../driver.wasm", import.meta.url));
const USAGE = `usage: tsblk-disk [--block BYTES] [--first SECTOR] IMAGE COMMAND [WORD]...
  tsblk-disk a.img help
  tsblk-disk a.img statefs format
  tsblk-disk a.img statefs put KEY <file
  tsblk-disk a.img statefs get KEY >file
  tsblk-disk a.img 'dd read 7; crc 0 64'   one word: a line of the shell as it is
--block is the block size of the disk (512), --first the sector a StateFS begins at (0).`;

const STATUS_REFUSED = 2;
const STATUS_BUG = 70;
const SECTOR_BYTES = 512;
const BLOCK_BYTES_MAX = 65536;
const VALUE_BYTES_MAX = 1 << 20;
const QCOW2_MAGIC = 0x514649fb;

/** Operations of `statefs` on what is mounted; the changing ones are followed by a sync. */
const MOUNTED_VERBS = new Set(["info", "put", "get", "ls", "rm", "sync", "check", "compact"]);
const CHANGING = /^statefs (put|rm)\b|\bof=statefs:/;

/** What goes without saying when it was not asked for. */
const ROUTINE = [
  /^$/,
  /^TSBLK: ready$/,
  /^vd.: (virtio-mmio|mounted|synced)\b/,
  /: 0 bytes, stable after sync$/,
  /^\d+.* (records|copied)/,
];

interface Options {
  blockBytes: number;
  firstSector: number;
  image: string;
  words: string[];
}

function parseArguments(args: readonly string[]): Options {
  const options = { blockBytes: SECTOR_BYTES, firstSector: 0 };
  let at = 0;
  for (; args[at]?.startsWith("--"); at += 2) {
    const value = Number(args[at + 1] || NaN);
    if (!Number.isSafeInteger(value) || value < 0) throw new Refusal(USAGE);
    if (args[at] === "--block") options.blockBytes = value;
    else if (args[at] === "--first") options.firstSector = value;
    else throw new Refusal(USAGE);
  }
  const [image, ...words] = args.slice(at);
  if (image === undefined || words.length === 0) throw new Refusal(USAGE);
  return { ...options, image, words };
}

/** An open image, and the disk that it is for the driver. */
interface OpenImage {
  file: number;
  disk: DiskOptions;
}

function openFile(path: string): { file: number; isReadOnly: boolean } {
  try {
    return { file: openSync(path, "r+"), isReadOnly: false };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EROFS") throw error;
    return { file: openSync(path, "r"), isReadOnly: true };
  }
}

function openImage({ image, blockBytes }: Options): OpenImage {
  const isPower = (blockBytes & (blockBytes - 1)) === 0;
  if (!isPower || blockBytes < SECTOR_BYTES || blockBytes > BLOCK_BYTES_MAX) {
    throw new Refusal(`blocks of ${blockBytes} bytes: a power of two from 512 to 65536`);
  }
  const stats = statSync(image);
  if (!stats.isFile()) throw new Refusal(`${image} is not a regular file`);
  if (stats.size === 0 || stats.size % blockBytes !== 0) {
    const what = `a whole number of ${blockBytes}-byte blocks`;
    throw new Refusal(`${image} has ${stats.size} bytes, not ${what}`);
  }
  const { file, isReadOnly } = openFile(image);
  const magic = Buffer.alloc(4);
  readSync(file, magic, 0, magic.length, 0);
  if (magic.readUInt32BE() === QCOW2_MAGIC) {
    throw new Refusal(`${image} is a qcow2 image: qemu-img convert -O raw makes a raw one of it`);
  }
  const store = new FileStore(file, stats.size / SECTOR_BYTES);
  const features = [F.BLK_SIZE, F.FLUSH, F.WRITE_ZEROES, F.INDIRECT_DESC];
  return { file, disk: { store, blkSize: blockBytes, isReadOnly, features, serial: "tsblk-disk" } };
}

/** A word as the shell reads it back. */
function quote(word: string): string {
  if (/^[\w./:=,@%+-]+$/.test(word)) return word;
  return word
    .split("'")
    .map((part) => `'${part}'`)
    .join(`"'"`);
}

/** The start of a line whose end has not come, where progress is not to be seen. */
let unshown = "";

/** Shows what a command prints. Only a terminal gets lines that are written over. */
function show(text: string): void {
  unshown += text;
  const end = process.stdout.isTTY ? unshown.length : unshown.lastIndexOf("\n") + 1;
  const ready = unshown.slice(0, end);
  process.stdout.write(process.stdout.isTTY ? ready : ready.replace(/[^\n]*\r/g, ""));
  unshown = unshown.slice(end);
}

/** The line of the shell that was asked for, and what has to be done around it. */
function plan(words: readonly string[], mount: Command): Command[] {
  const [name, verb = ""] = words;
  if (words.length === 1) return [{ line: words[0]!, show }];
  const line = words.map(quote).join(" ");
  const isMounted = name === "statefs" && MOUNTED_VERBS.has(verb);
  if (!isMounted && !words.some((word) => word.includes("statefs:"))) return [{ line, show }];
  const sync = CHANGING.test(line) ? [{ line: "statefs sync" }] : [];
  return [mount, { line, show }, ...sync];
}

/** All of standard input, up to what a value may have. */
async function readValue(): Promise<Buffer> {
  const parts: Buffer[] = [];
  let lengthBytes = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    parts.push(part);
    lengthBytes += part.length;
    if (lengthBytes > VALUE_BYTES_MAX) {
      throw new Refusal(`a value has at most ${VALUE_BYTES_MAX} bytes, standard input has more`);
    }
  }
  return Buffer.concat(parts);
}

/** A second disk in memory, where values go in and come out. */
function scratchDisk(): { store: SectorStore; disk: DiskOptions } {
  const store = new SectorStore(VALUE_BYTES_MAX / SECTOR_BYTES);
  return { store, disk: { store } };
}

/** Runs `statefs put KEY` with the value from standard input. */
async function put(disk: DiskOptions, mount: Command, key: string): Promise<Outcome> {
  const value = await readValue();
  const scratch = scratchDisk();
  if (value.length > 0) scratch.store.place(0, value);
  const copy = `dd if=vdb ${quote(`of=statefs:${key}`)} bs=64k count=${value.length}`;
  const line =
    value.length > 0 ? `${copy} iflag=count_bytes status=none` : `statefs put ${quote(key)} ''`;
  const commands = [mount, { line }, { line: "statefs sync" }];
  return runSession(MODULE, [disk, scratch.disk], commands);
}

/** Runs `statefs get KEY` with the value to standard output. */
function get(disk: DiskOptions, mount: Command, key: string): Outcome {
  const scratch = scratchDisk();
  const line = `dd ${quote(`if=statefs:${key}`)} of=vdb bs=64k`;
  const outcome = runSession(MODULE, [disk, scratch.disk], [mount, { line }]);
  if (outcome.status !== 0) return outcome;
  const [, lengthBytes] = /^(\d+) bytes?\b/m.exec(outcome.kept[2] ?? "") ?? [];
  process.stdout.write(
    scratch.store.read(0, scratch.store.sectorCount).slice(0, Number(lengthBytes)),
  );
  return outcome;
}

async function execute({ words, firstSector }: Options, disk: DiskOptions): Promise<Outcome> {
  const mount = { line: `statefs mount vda ${firstSector}` };
  const [name, verb, key] = words;
  if (name === "statefs" && key !== undefined && words.length === 3) {
    if (verb === "put") return put(disk, mount, key);
    if (verb === "get") return get(disk, mount, key);
  }
  return runSession(MODULE, [disk], plan(words, mount));
}

/** Shows what was not asked for, if it is worth it: damage, failures. */
function report({ kept }: Outcome, [, verb]: readonly string[]): void {
  const lines = kept.join("\n").split("\n");
  for (const line of lines.filter((each) => !ROUTINE.some((text) => text.test(each)))) {
    console.error(line.replace(/^dd: [io]f=statefs:/, `statefs: ${verb} `));
  }
}

async function hold(options: Options, isReadOnly: boolean): Promise<ImageLock> {
  try {
    return await lockImage(options.image, isReadOnly);
  } catch (error) {
    const { message } = error as Error;
    const what = /lock/.test(message) ? "is in use" : "cannot be held";
    throw new Refusal(`${options.image} ${what}: ${message}`);
  }
}

async function main(): Promise<number> {
  const options = parseArguments(process.argv.slice(2));
  const { file, disk } = openImage(options);
  const lock = await hold(options, disk.isReadOnly ?? false);
  try {
    const outcome = await execute(options, disk);
    process.stdout.write(unshown);
    report(outcome, options.words);
    return outcome.status;
  } finally {
    closeSync(file);
    await lock.release();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const isRefused = error instanceof Refusal || (error as NodeJS.ErrnoException).code !== undefined;
  console.error(isRefused ? `tsblk-disk: ${(error as Error).message}` : error);
  process.exitCode = isRefused ? STATUS_REFUSED : STATUS_BUG;
}
