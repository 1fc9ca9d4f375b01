/**
 * The ends of a copy by name. Sources: a disk, `zero`, `pattern[:<seed>]`, `random:<seed>`.
 * Sinks: a disk, `null`, `hex`, `crc`.
 */
import { BlkDevice } from "../blk/device";
import { diskByName } from "../blk/disks";
import { CrcSink, DiskSink, NullSink } from "../io/sinks";
import { ByteSource, DiskSource, PatternSource, RandomSource } from "../io/sources";
import { Sink, Source } from "../io/stream";
import { place } from "../util/arena";
import { E_NO_DEVICE, E_OK, E_READ_ONLY } from "../util/errors";
import { parseNumber } from "../util/numbers";
import { Args } from "./args";
import { complain, fail } from "./command";
import { out } from "./console";
import { HexSink } from "./dd_hex";
import { Word } from "./words";

const CHAR_COLON: u8 = 0x3a;

/** One of each source, for a command that names one. */
export class Sources {
  private diskSource!: DiskSource;
  private zero!: ByteSource;
  private pattern!: PatternSource;
  private random!: RandomSource;
  private name!: Word;
  private seedText!: Word;

  init(): void {
    this.diskSource = place<DiskSource>();
    this.zero = place<ByteSource>();
    this.pattern = place<PatternSource>();
    this.pattern.init();
    this.random = place<RandomSource>();
    this.name = place<Word>();
    this.seedText = place<Word>();
  }

  /** Whether the pattern was named, whose marks are those of the sectors that they go to. */
  isPattern(source: Source): bool {
    return source == this.pattern;
  }

  /** The source that `word` names, or null; the line behind `what` has then been printed. */
  find(args: Args, what: string, word: Word): Source | null {
    this.name.set(word.ptr, word.find(CHAR_COLON));
    this.seedText.set(word.ptr, word.lengthBytes);
    this.seedText.skip(this.name.lengthBytes);
    const hasSeed = this.seedText.lengthBytes > 0;
    if (hasSeed) this.seedText.skip(1);
    if (this.name.is("pattern")) return this.findPattern(args, what, word, hasSeed);
    if (this.name.is("random")) return this.findRandom(args, what, word, hasSeed);
    if (word.is("zero")) {
      this.zero.use(0);
      return this.zero;
    }
    const disk = findDisk(args, what, word, " is no source: a disk, zero, pattern, random:<seed>");
    if (!disk) return null;
    this.diskSource.use(disk);
    return this.diskSource;
  }

  private findPattern(args: Args, what: string, word: Word, hasSeed: bool): Source | null {
    const seed = hasSeed ? parseNumber(this.seedText.ptr, this.seedText.lengthBytes) : 0;
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
    const seed = parseNumber(this.seedText.ptr, this.seedText.lengthBytes);
    if (seed < 0) return failSeed(args, what, word, <i32>seed);
    this.random.use(seed);
    return this.random;
  }
}

export class Sinks {
  crc!: CrcSink;
  hex!: HexSink;
  private diskSink!: DiskSink;
  private nothing!: NullSink;

  init(): void {
    this.crc = place<CrcSink>();
    this.hex = place<HexSink>();
    this.hex.init();
    this.diskSink = place<DiskSink>();
    this.diskSink.init();
    this.nothing = place<NullSink>();
  }

  /** As Sources.find. A disk is flushed at the end when `flushes`. */
  find(args: Args, what: string, word: Word, flushes: bool): Sink | null {
    if (word.is("null")) return this.nothing;
    if (word.is("hex")) return this.hex;
    if (word.is("crc")) {
      this.crc.use();
      return this.crc;
    }
    const disk = findDisk(args, what, word, " is no destination: a disk, null, hex, crc");
    if (!disk) return null;
    if (disk.isReadOnly()) {
      refuse(args, what, word);
      out.text(": ");
      fail(E_READ_ONLY);
      return null;
    }
    return this.onDisk(disk, flushes);
  }

  onDisk(disk: BlkDevice, flushes: bool): Sink {
    this.diskSink.use(disk, flushes);
    return this.diskSink;
  }
}

/** `dd: if=vdx` */
function refuse(args: Args, what: string, word: Word): void {
  complain(args);
  out.text(what).bytes(word.ptr, word.lengthBytes);
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
  refuse(args, what, word);
  if (!disk && !(word.lengthBytes == 3 && word.startsWith("vd"))) {
    out.text(otherwise).line();
    return null;
  }
  out.text(": ");
  fail(disk ? disk.health : E_NO_DEVICE);
  return null;
}
