/**
 * The operands of a copy by dd: `name=value`, in any order, sizes as GNU dd takes them.
 *
 * Refused, each with one line: an operand that does not exist, one that is given twice, a value
 * that is none, a product that does not fit 63 bits.
 */
import { place, placeArray } from "../util/arena";
import { E_ARGUMENT, E_NUMBER, E_OK, E_OVERFLOW } from "../util/errors";
import { parseSize } from "../util/numbers";
import { Args } from "./args";
import { complain, fail } from "./command";
import { out } from "./console";
import { Word } from "./words";

const CHAR_COMMA: u8 = 0x2c;
const CHAR_EQUALS: u8 = 0x3d;

export enum Operand {
  IF,
  OF,
  BS,
  COUNT,
  SKIP,
  SEEK,
  ISEEK,
  OSEEK,
  CONV,
  IFLAG,
  OFLAG,
  STATUS,
}

const NAMES: StaticArray<string> = [
  "if",
  "of",
  "bs",
  "count",
  "skip",
  "seek",
  "iseek",
  "oseek",
  "conv",
  "iflag",
  "oflag",
  "status",
];

/** What lists of words switch on. */
export enum Flag {
  FSYNC,
  NOTRUNC,
  NOERROR,
  SYNC,
  SKIP_BYTES,
  COUNT_BYTES,
  SEEK_BYTES,
}

const FLAG_NAMES: StaticArray<string> = [
  "fsync",
  "notrunc",
  "noerror",
  "sync",
  "skip_bytes",
  "count_bytes",
  "seek_bytes",
];
const FIRST_IFLAG: i32 = Flag.SKIP_BYTES;
const FIRST_OFLAG: i32 = Flag.SEEK_BYTES;
const FLAG_COUNT: i32 = 7;

/** What is printed. */
export enum Status {
  ALL,
  NONE,
  NOXFER,
  PROGRESS,
}

const STATUS_NAMES: StaticArray<string> = ["", "none", "noxfer", "progress"];

const DEFAULT_RECORD_BYTES: u64 = 512;

export class DdOptions {
  status: Status;
  recordBytes: u64;
  /** In bytes; `countBytes` means nothing without COUNT. */
  countBytes: u64;
  skipBytes: u64;
  seekBytes: u64;

  private words!: StaticArray<Word>;
  private given: u32;
  private flags: u32;
  private name!: Word;

  init(): void {
    this.words = placeArray<Word>(NAMES.length);
    for (let i = 0; i < NAMES.length; ++i) this.words[i] = place<Word>();
    this.name = place<Word>();
  }

  has(operand: Operand): bool {
    return ((this.given >> (<u32>operand)) & 1) != 0;
  }

  word(operand: Operand): Word {
    return this.words[<i32>operand];
  }

  isOn(flag: Flag): bool {
    return ((this.flags >> (<u32>flag)) & 1) != 0;
  }

  /** Takes the operands. Returns E_OK, or an error whose line has been printed. */
  parse(args: Args): i32 {
    this.given = 0;
    this.flags = 0;
    this.status = Status.ALL;
    for (let index = 1; index < args.count; ++index) {
      const error = this.parseOperand(args, index);
      if (error != E_OK) return error;
    }
    if (!this.has(Operand.IF)) return refuse(args, "missing operand if=");
    if (!this.has(Operand.OF)) return refuse(args, "missing operand of=");
    return this.parseSizes(args);
  }

  private parseOperand(args: Args, index: i32): i32 {
    const name = this.name;
    name.set(args.ptr(index), args.lengthBytes(index));
    const nameBytes = name.find(CHAR_EQUALS);
    name.lengthBytes = nameBytes;
    const operand = nameBytes < args.lengthBytes(index) ? find(NAMES, 0, NAMES.length, name) : -1;
    if (operand < 0) {
      complain(args);
      out.text("unknown operand '").bytes(args.ptr(index), args.lengthBytes(index)).text("'");
      out.line();
      return E_ARGUMENT;
    }
    const word = this.words[operand];
    const isList = operand >= <i32>Operand.CONV && operand <= <i32>Operand.OFLAG;
    if (!isList && this.has(<Operand>operand)) {
      complain(args);
      out.text(NAMES[operand]).text("= is given twice").line();
      return E_ARGUMENT;
    }
    this.given |= 1 << operand;
    word.set(args.ptr(index) + nameBytes + 1, args.lengthBytes(index) - nameBytes - 1);
    if (isList) return this.parseList(args, <Operand>operand, word);
    return operand == <i32>Operand.STATUS ? this.parseStatus(args, word) : E_OK;
  }

  private parseStatus(args: Args, word: Word): i32 {
    const status = find(STATUS_NAMES, 1, STATUS_NAMES.length, word);
    if (status < 0) return refuseWord(args, "status", word);
    this.status = <Status>status;
    return E_OK;
  }

  /** Takes the words of a list, separated by commas. */
  private parseList(args: Args, operand: Operand, list: Word): i32 {
    let isLast = false;
    while (!isLast) {
      const name = this.name;
      name.set(list.ptr, list.find(CHAR_COMMA));
      const flag = findFlag(operand, name);
      if (flag < 0) {
        complain(args);
        out.text(NAMES[<i32>operand]).text("=: unknown word ");
        name.quote(out).line();
        return E_ARGUMENT;
      }
      this.flags |= 1 << flag;
      isLast = name.lengthBytes == list.lengthBytes;
      if (!isLast) list.skip(name.lengthBytes + 1);
    }
    return E_OK;
  }

  private parseSizes(args: Args): i32 {
    if (this.has(Operand.SKIP) && this.has(Operand.ISEEK)) {
      return refuse(args, "skip= and iseek= are the same");
    }
    if (this.has(Operand.SEEK) && this.has(Operand.OSEEK)) {
      return refuse(args, "seek= and oseek= are the same");
    }
    const bs = this.size(args, Operand.BS, 1);
    if (bs < 0) return E_ARGUMENT;
    if (bs == 0 && this.has(Operand.BS)) return refuse(args, "bs= must not be 0");
    this.recordBytes = this.has(Operand.BS) ? <u64>bs : DEFAULT_RECORD_BYTES;
    const count = this.size(args, Operand.COUNT, this.unit(Flag.COUNT_BYTES));
    const skip = this.has(Operand.ISEEK) ? Operand.ISEEK : Operand.SKIP;
    const skipped = count < 0 ? -1 : this.size(args, skip, this.unit(Flag.SKIP_BYTES));
    const seek = this.has(Operand.OSEEK) ? Operand.OSEEK : Operand.SEEK;
    const sought = skipped < 0 ? -1 : this.size(args, seek, this.unit(Flag.SEEK_BYTES));
    if (sought < 0) return E_ARGUMENT;
    this.countBytes = count;
    this.skipBytes = skipped;
    this.seekBytes = sought;
    return E_OK;
  }

  /** What a number counts: bytes with the flag, records without. */
  private unit(flag: Flag): u64 {
    return this.isOn(flag) ? 1 : this.recordBytes;
  }

  /** A size in bytes, 0 when it is not given; negative after a line has been printed. */
  private size(args: Args, operand: Operand, unit: u64): i64 {
    if (!this.has(operand)) return 0;
    const word = this.word(operand);
    let value = parseSize(word.ptr, word.lengthBytes);
    if (value > 0 && <u64>value > <u64>i64.MAX_VALUE / unit) value = E_OVERFLOW;
    if (value >= 0) return value * unit;
    complain(args);
    out
      .text(NAMES[<i32>operand])
      .text("=")
      .bytes(word.ptr, word.lengthBytes)
      .text(": ");
    return fail(value == E_OVERFLOW ? E_OVERFLOW : E_NUMBER);
  }
}

/** The index of `word` among the names from `first` to before `end`, or -1. */
function find(names: StaticArray<string>, first: i32, end: i32, word: Word): i32 {
  for (let i = first; i < end; ++i) {
    if (word.is(names[i])) return i;
  }
  return -1;
}

/** The flag that a word of a list stands for, or -1. */
function findFlag(operand: Operand, word: Word): i32 {
  if (operand == Operand.CONV) return find(FLAG_NAMES, 0, FIRST_IFLAG, word);
  if (operand == Operand.IFLAG) return find(FLAG_NAMES, FIRST_IFLAG, FIRST_OFLAG, word);
  return find(FLAG_NAMES, FIRST_OFLAG, FLAG_COUNT, word);
}

function refuse(args: Args, why: string): i32 {
  complain(args);
  out.text(why).line();
  return E_ARGUMENT;
}

function refuseWord(args: Args, what: string, word: Word): i32 {
  complain(args);
  out.text(what).text("=: unknown word ");
  word.quote(out).line();
  return E_ARGUMENT;
}
