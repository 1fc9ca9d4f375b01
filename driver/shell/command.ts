/**
 * What a command is, and the helpers that all of them share: operands, disks, error lines.
 *
 * A command never waits. `run` does what it can at once and returns PENDING when a device has work
 * to do; `resume` is then called in every slice until it returns something else. A command that
 * fails prints one line and returns the error.
 */
import { BlkDevice } from "../blk/device";
import { diskAt, diskByName, diskCount, diskLetter } from "../blk/disks";
import { E_ARGUMENT, E_NO_DEVICE, E_OK, E_OVERFLOW, errorText } from "../util/errors";
import { parseNumber } from "../util/numbers";
import { Args } from "./args";
import { Candidates } from "./candidates";
import { out } from "./console";

const SEPARATOR: string = "\n";

/** Which form of a command when all of them are meant. */
export const ANY_FORM: i32 = -1;

/** There is more to do at once. */
export const AWAITS_NOTHING: i32 = 0;

/** There is nothing to do before the host looks in again after a while. */
export const AWAITS_TIME: i32 = -1;

/** From `run`: the user is asked before `resume` goes on. */
export const CONFIRM: i32 = 2;

export abstract class Command {
  /** Places what the command needs. Called once, at start. */
  init(): void {}

  abstract name(): string;
  /**
   * Operands for the help text, without the name; each form of them on a line.
   */
  abstract operands(): string;
  /** What it does, in at most 40 characters. */
  abstract summary(): string;
  /** A line that does something useful, of at most 27 characters. */
  abstract example(): string;

  /** More for `help` of this command alone: lines with `\n` between them, or nothing. */
  details(): string {
    return "";
  }

  /** Which operand is the name of a command that follows, or 0. */
  commandIndex(): i32 {
    return 0;
  }

  /** Words that operands may be, separated by spaces: what Tab offers besides disks. */
  choices(): string {
    return "";
  }

  /** Offers what the last word may become; the ones before it are complete. */
  complete(words: Args, to: Candidates): void {
    to.offerWords(this.choices());
    if (this.operands().includes("dev")) to.offerDisks();
  }

  /** Starts the command. Returns E_OK, an error whose line has been printed, or PENDING. */
  abstract run(args: Args): i32;

  /** What is asked after CONFIRM, a sentence. */
  printQuestion(): void {}

  /** Goes on after PENDING, with the same results as `run`. */
  resume(): i32 {
    return E_OK;
  }

  /**
   * After PENDING, what for: AWAITS_NOTHING, AWAITS_TIME, or so many requests, of those in flight,
   * that have to come back first.
   */
  awaits(): i32 {
    return AWAITS_NOTHING;
  }

  /**
   * Ctrl-C: sends nothing more. `resume` is still called until what the device holds has come back.
   */
  interrupt(): void {}
}

/** Starts the error line of a command: `dd: `. */
export function complain(args: Args): void {
  out.alarm().bytes(args.ptr(0), args.lengthBytes(0)).text(": ");
}

/** Ends an error line with the cause, and hands the error on. */
export function fail(error: i32): i32 {
  out.alarm().text(errorText(error)).line();
  return error;
}

/** Ends an error line about a number that is too large. */
export function failAbove(most: u64): i32 {
  out.alarm().text("at most ").decimal(most).line();
  return E_OVERFLOW;
}

/** `vda` */
export function printDiskName(disk: BlkDevice): void {
  out.text("vd").char(diskLetter(disk));
}

/** Refuses a command that has not from `least` to `most` operands. Returns E_OK or E_ARGUMENT. */
export function checkOperandCount(args: Args, command: Command, least: i32, most: i32): i32 {
  const count = args.count - 1;
  if (count >= least && count <= most) return E_OK;
  complain(args);
  out.text(count < least ? "missing operand" : "extra operand");
  if (count > most)
    out
      .text(" '")
      .bytes(args.ptr(most + 1), args.lengthBytes(most + 1))
      .text("'");
  printUsage(command);
  return E_ARGUMENT;
}

/** Ends an error line with how the command is used, in lines of their own if there are more. */
export function printUsage(command: Command): void {
  const forms = command.operands();
  if (forms.indexOf(SEPARATOR) < 0) {
    out.text("; usage: ").text(command.name());
    if (forms.length > 0) out.text(" ").text(forms);
    return out.line();
  }
  out.text("; usage:").line();
  printForms(command, ANY_FORM);
}

/** A line for each form of a command, or for one of them, counted from 0. */
export function printForms(command: Command, which: i32): void {
  const forms = command.operands();
  let at = 0;
  for (let form = 0; at >= 0; ++form) {
    const next = forms.indexOf(SEPARATOR, at);
    const end = next < 0 ? forms.length : next;
    if (which == ANY_FORM || which == form) {
      out.text("  ").text(command.name());
      if (end > at) out.char(0x20);
      for (let i = at; i < end; ++i) out.char(forms.charCodeAt(i));
      out.line();
    }
    at = next < 0 ? -1 : next + SEPARATOR.length;
  }
}

/** The number in operand `index`, or a negative error whose line has been printed. */
export function numberOperand(args: Args, index: i32, what: string): i64 {
  const value = parseNumber(args.ptr(index), args.lengthBytes(index));
  if (value >= 0) return value;
  complain(args);
  out.text(what).text(" '").bytes(args.ptr(index), args.lengthBytes(index)).text("': ");
  return fail(<i32>value);
}

/**
 * The disk that operand `index` names, or the first disk when there is no such operand.
 * Null when there is none or it cannot be used; the line has then been printed.
 */
export function diskOperand(args: Args, index: i32): BlkDevice | null {
  const disk = anyDiskOperand(args, index);
  if (!disk || disk.health == E_OK) return disk;
  complain(args);
  printDiskName(disk);
  out.text(": ");
  fail(disk.health);
  return null;
}

/** As diskOperand, also when the disk cannot be used. */
export function anyDiskOperand(args: Args, index: i32): BlkDevice | null {
  return index < args.count ? namedDisk(args, index) : firstDisk(args);
}

function namedDisk(args: Args, index: i32): BlkDevice | null {
  const disk = diskByName(args.ptr(index), args.lengthBytes(index));
  if (disk) return disk;
  complain(args);
  out.bytes(args.ptr(index), args.lengthBytes(index)).text(": ");
  fail(E_NO_DEVICE);
  return null;
}

function firstDisk(args: Args): BlkDevice | null {
  if (diskCount() > 0) return diskAt(0);
  complain(args);
  out.text("this machine has no disk").line();
  return null;
}
