/**
 * The options of blkperf: parsed, bounded, and checked against each other and against the disk.
 *
 * Refused, each with one line: what is no option, an option given twice or without its number, a
 * number outside its range, options that contradict each other, a block size that the disk cannot
 * do.
 */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import { placeArray } from "../util/arena";
import { E_ALIGN, E_ARGUMENT, E_OK, E_RANGE, E_READ_ONLY } from "../util/errors";
import { Args } from "./args";
import { Candidates } from "./candidates";
import { Command, complain, diskOperand, fail, numberOperand, printDiskName } from "./command";
import { printUsage } from "./command";
import { out } from "./console";

/** Flags first, then those that take a number. */
export enum Option {
  WRITE,
  MIXED,
  RANDOM,
  RAW,
  INSTRUCTIONS,
  BS,
  DEPTH,
  SECONDS,
  COUNT,
}

const OPTION_COUNT: i32 = 9;
const FIRST_VALUED: i32 = Option.BS;

const NAMES: StaticArray<string> = [
  "--write",
  "--mixed",
  "--random",
  "--raw",
  "--instructions",
  "--bs",
  "--depth",
  "--seconds",
  "--count",
];

const LEAST: StaticArray<u32> = [0, 0, 0, 0, 0, SECTOR_BYTES, 1, 1, 1];
const MOST: StaticArray<u32> = [0, 0, 0, 0, 0, 4 << 20, 256, 3600, 1_000_000_000];

const CHAR_DASH: u8 = 0x2d;

export class PerfOptions {
  disk!: BlkDevice;
  private given: u32;
  private values!: StaticArray<u32>;
  private diskIndex: i32;

  init(): void {
    this.values = placeArray<u32>(OPTION_COUNT);
  }

  has(option: Option): bool {
    return ((this.given >> (<u32>option)) & 1) != 0;
  }

  /** The number of an option, or `otherwise` when it is not given. */
  value(option: Option, otherwise: u32): u32 {
    return this.has(option) ? this.values[<i32>option] : otherwise;
  }

  /** Whether one measurement is described, not the suite. */
  isSingle(): bool {
    const single = (1 << Option.MIXED) | (1 << Option.RANDOM) | (1 << Option.BS);
    return (this.given & (single | (1 << Option.DEPTH) | (1 << Option.COUNT))) != 0;
  }

  /** Takes the operands of `command`. Returns E_OK, or an error whose line has been printed. */
  parse(args: Args, command: Command): i32 {
    this.given = 0;
    this.diskIndex = args.count;
    for (let index = 1; index < args.count;) {
      const taken = this.parseWord(args, command, index);
      if (taken < 0) return taken;
      index += taken;
    }
    const disk = diskOperand(args, this.diskIndex);
    if (!disk) return E_ARGUMENT;
    this.disk = disk;
    const error = this.checkTogether(args);
    return error == E_OK ? this.checkDisk(args) : error;
  }

  /** Takes the word at `index`. Returns how many words that were, or an error. */
  private parseWord(args: Args, command: Command, index: i32): i32 {
    const option = findOption(args, index);
    if (option >= 0) return this.parseOption(args, command, index, option);
    const isOption = args.lengthBytes(index) > 0 && load<u8>(args.ptr(index)) == CHAR_DASH;
    if (isOption) return refuseWord(args, command, index, "unknown option");
    if (this.diskIndex < args.count) return refuseWord(args, command, index, "extra operand");
    this.diskIndex = index;
    return 1;
  }

  private parseOption(args: Args, command: Command, index: i32, option: i32): i32 {
    if (this.has(option)) return refuse(args, NAMES[option], " is given twice");
    this.given |= 1 << option;
    if (option < FIRST_VALUED) return 1;
    if (index + 1 == args.count) return refuseWord(args, command, index, "no number behind");
    const value = numberOperand(args, index + 1, NAMES[option]);
    if (value < 0) return E_ARGUMENT;
    if (value < <i64>LEAST[option] || value > <i64>MOST[option]) {
      complain(args);
      out.text(NAMES[option]).text(" ").decimal(value).text(": must be from ");
      out.decimal(LEAST[option]).text(" to ").decimal(MOST[option]).line();
      return E_ARGUMENT;
    }
    this.values[option] = <u32>value;
    return 2;
  }

  private checkTogether(args: Args): i32 {
    if (this.has(Option.SECONDS) && this.has(Option.COUNT)) {
      return refuse(args, "--seconds and --count", " contradict each other");
    }
    if (this.has(Option.MIXED) && !this.has(Option.WRITE)) {
      return refuse(args, "--mixed", " writes: it needs --write");
    }
    const besides = (1 << Option.RAW) | (1 << Option.INSTRUCTIONS);
    if (this.has(Option.INSTRUCTIONS) && (this.given & ~besides) != 0) {
      return refuse(args, "--instructions", " goes with no option but --raw");
    }
    return E_OK;
  }

  private checkDisk(args: Args): i32 {
    const config = this.disk.config;
    const bytes = this.value(Option.BS, config.blockBytes);
    if (this.has(Option.WRITE) && this.disk.isReadOnly()) {
      return failOption(args, this.disk, "--write", E_READ_ONLY);
    }
    if (!config.isAligned(0, bytes)) return failOption(args, this.disk, "--bs", E_ALIGN);
    if (!config.isInside(0, bytes / SECTOR_BYTES)) {
      return failOption(args, this.disk, "--bs", E_RANGE);
    }
    return E_OK;
  }
}

/** Every option, for Tab. */
export function offerOptions(to: Candidates): void {
  for (let option = 0; option < OPTION_COUNT; ++option) to.offerWords(NAMES[option]);
}

function findOption(args: Args, index: i32): i32 {
  for (let option = 0; option < OPTION_COUNT; ++option) {
    if (args.is(index, NAMES[option])) return option;
  }
  return -1;
}

function refuse(args: Args, what: string, why: string): i32 {
  complain(args);
  out.text(what).text(why).line();
  return E_ARGUMENT;
}

function refuseWord(args: Args, command: Command, index: i32, why: string): i32 {
  complain(args);
  out.text(why).text(" '").bytes(args.ptr(index), args.lengthBytes(index)).text("'");
  printUsage(command);
  return E_ARGUMENT;
}

function failOption(args: Args, disk: BlkDevice, name: string, error: i32): i32 {
  complain(args);
  out.text(name).text(" on ");
  printDiskName(disk);
  out.text(": ");
  return fail(error);
}
