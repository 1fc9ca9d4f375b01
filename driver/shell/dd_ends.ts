/**
 * The ends of a copy by name. Sources: a disk, `zero`, `pattern[:<seed>]`, `random:<seed>`,
 * `statefs:<key>`. Sinks: a disk, `null`, `hex`, `crc`, `statefs:<key>`.
 */
import { BlkDevice } from "../blk/device";
import { diskByName } from "../blk/disks";
import { CrcSink, DiskSink, NullSink } from "../io/sinks";
import { ByteSource, DiskSource, PatternSource, RandomSource } from "../io/sources";
import { Sink, Source } from "../io/stream";
import { ValueSink, ValueSource } from "../statefs/value_ends";
import { place } from "../util/arena";
import { E_CORRUPT, E_NO_DEVICE, E_NOT_MOUNTED, E_OK, E_READ_ONLY } from "../util/errors";
import { parseNumber } from "../util/numbers";
import { Args } from "./args";
import { Candidates } from "./candidates";
import { complain, fail } from "./command";
import { out } from "./console";
import { HexSink } from "./dd_hex";
import { theStore } from "./mounted";
import { Word } from "./words";

const CHAR_COLON: u8 = 0x3a;

const SOURCES: string = " is no source: a disk, zero, pattern, random:<seed>, statefs:<key>";
const SINKS: string = " is no destination: a disk, null, hex, crc, statefs:<key>";

/** One of each source, for a command that names one. */
export class Sources {
  private diskSource!: DiskSource;
  private zero!: ByteSource;
  private pattern!: PatternSource;
  private random!: RandomSource;
  private value!: ValueSource;
  private name!: Word;
  /** What is behind the colon: a seed or a key. */
  private rest!: Word;

  init(): void {
    this.diskSource = place<DiskSource>();
    this.zero = place<ByteSource>();
    this.pattern = place<PatternSource>();
    this.pattern.init();
    this.random = place<RandomSource>();
    this.value = place<ValueSource>();
    this.value.init(theStore());
    this.name = place<Word>();
    this.rest = place<Word>();
  }

  /** Whether the pattern was named, whose marks are those of the sectors that they go to. */
  isPattern(source: Source): bool {
    return source == this.pattern;
  }

  /** The source that `word` names, or null; the line behind `what` has then been printed. */
  find(args: Args, what: string, word: Word): Source | null {
    const hasRest = splitAtColon(word, this.name, this.rest);
    if (this.name.is("pattern")) return this.findPattern(args, what, word, hasRest);
    if (this.name.is("random")) return this.findRandom(args, what, word, hasRest);
    if (this.name.is("statefs") && hasRest) return this.findValue(args, what, word);
    if (word.is("zero")) {
      this.zero.use(0);
      return this.zero;
    }
    const disk = findDisk(args, what, word, SOURCES);
    if (!disk) return null;
    this.diskSource.use(disk);
    return this.diskSource;
  }

  private findPattern(args: Args, what: string, word: Word, hasSeed: bool): Source | null {
    const seed = hasSeed ? parseNumber(this.rest.ptr, this.rest.lengthBytes) : 0;
    if (seed < 0) return failSeed(args, what, word, <i32>seed);
    this.pattern.use(seed);
    return this.pattern;
  }

  private findRandom(args: Args, what: string, word: Word, hasSeed: bool): Source | null {
    if (!hasSeed) {
      refuse(args, what, word);
      out.text(" needs a seed: random:<seed>").line();
      return null;
    }
    const seed = parseNumber(this.rest.ptr, this.rest.lengthBytes);
    if (seed < 0) return failSeed(args, what, word, <i32>seed);
    this.random.use(seed);
    return this.random;
  }

  /** Whether there is such a key is found when the source is prepared. */
  private findValue(args: Args, what: string, word: Word): Source | null {
    if (!theStore().volume.isMounted) {
      failEnd(args, what, word, E_NOT_MOUNTED);
      return null;
    }
    this.value.use(this.rest.ptr, this.rest.lengthBytes);
    return this.value;
  }
}

export class Sinks {
  crc!: CrcSink;
  hex!: HexSink;
  value!: ValueSink;
  private diskSink!: DiskSink;
  private name!: Word;
  private key!: Word;
  private nothing!: NullSink;

  init(): void {
    this.crc = place<CrcSink>();
    this.hex = place<HexSink>();
    this.hex.init();
    this.diskSink = place<DiskSink>();
    this.diskSink.init();
    this.nothing = place<NullSink>();
    this.value = place<ValueSink>();
    this.value.init(theStore());
    this.name = place<Word>();
    this.key = place<Word>();
  }

  /** As Sources.find. What has been written is made stable at the end when `flushes`. */
  find(args: Args, what: string, word: Word, flushes: bool): Sink | null {
    if (word.is("null")) return this.nothing;
    if (word.is("hex")) return this.hex;
    if (word.is("crc")) {
      this.crc.use();
      return this.crc;
    }
    const hasKey = splitAtColon(word, this.name, this.key);
    if (hasKey && this.name.is("statefs")) return this.findValue(args, what, word, flushes);
    const disk = findDisk(args, what, word, SINKS);
    if (!disk) return null;
    if (disk.isReadOnly()) {
      failEnd(args, what, word, E_READ_ONLY);
      return null;
    }
    this.diskSink.use(disk, flushes);
    return this.diskSink;
  }

  private findValue(args: Args, what: string, word: Word, syncs: bool): Sink | null {
    const error = theStore().checkPut(this.key.ptr, this.key.lengthBytes);
    if (error != E_OK) {
      failEnd(args, what, word, error);
      return null;
    }
    this.value.use(this.key.ptr, this.key.lengthBytes, syncs);
    return this.value;
  }
}

/** Offers the names of sources, for Tab. */
export function offerSources(to: Candidates): void {
  if (to.enter("statefs:")) to.takesKeys = true;
  else {
    to.offerWords("zero pattern pattern: random: statefs:");
    to.offerDisks();
  }
}

/** Offers the names of sinks, for Tab. */
export function offerSinks(to: Candidates): void {
  if (to.enter("statefs:")) to.takesKeys = true;
  else {
    to.offerWords("null hex crc statefs:");
    to.offerDisks();
  }
}

/** `name:rest`. False when there is no colon; the name is then all of the word. */
function splitAtColon(word: Word, name: Word, rest: Word): bool {
  name.set(word.ptr, word.find(CHAR_COLON));
  rest.set(word.ptr, word.lengthBytes);
  rest.skip(name.lengthBytes);
  if (rest.lengthBytes == 0) return false;
  rest.skip(1);
  return true;
}

/** `dd: if=vdx` */
function refuse(args: Args, what: string, word: Word): void {
  complain(args);
  out.text(what).bytes(word.ptr, word.lengthBytes);
}

/** `dd: of=vdb: disk is read-only` */
function failEnd(args: Args, what: string, word: Word, error: i32): void {
  refuse(args, what, word);
  out.text(": ");
  fail(error);
}

/**
 * `dd: if=statefs:name: no such key`, after `run`, when `args` may begin elsewhere; with the place
 * of what is damaged. Hands the error on.
 */
export function failNamed(command: string, what: string, word: Word, error: i32): i32 {
  out.text(command).text(": ").text(what).bytes(word.ptr, word.lengthBytes).text(": ");
  if (error == E_CORRUPT) {
    out.text("record at sector ").decimal(theStore().reader.sector()).text(": ");
  }
  return fail(error);
}

function failSeed(args: Args, what: string, word: Word, error: i32): Source | null {
  refuse(args, what, word);
  out.text(": seed: ");
  fail(error);
  return null;
}

/** A disk that works, or null. What is not even the name of a disk is `otherwise`. */
function findDisk(args: Args, what: string, word: Word, otherwise: string): BlkDevice | null {
  const disk = diskByName(word.ptr, word.lengthBytes);
  if (disk && disk.health == E_OK) return disk;
  if (!disk && !(word.lengthBytes == 3 && word.startsWith("vd"))) {
    refuse(args, what, word);
    out.text(otherwise).line();
    return null;
  }
  failEnd(args, what, word, disk ? disk.health : E_NO_DEVICE);
  return null;
}
