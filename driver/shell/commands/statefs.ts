/**
 * statefs: keys that survive a power cut, on a disk or a part of it.
 *
 * One volume is mounted at a time. What `put` and `rm` do is safe after `sync`, not before.
 */
import { BlkDevice } from "../../blk/device";
import { StateFs } from "../../statefs/store";
import { VALUE_BYTES_MAX } from "../../statefs/layout";
import { place } from "../../util/arena";
import * as err from "../../util/errors";
import { Args } from "../args";
import { bulkFor } from "../bulk";
import { Candidates } from "../candidates";
import {
  ANY_FORM,
  CONFIRM,
  Command,
  complain,
  diskOperand,
  fail,
  failAbove,
  numberOperand,
  printDiskName,
  printForms,
} from "../command";
import { out } from "../console";
import { theStore } from "../mounted";
import { StoreReport, printValue } from "../statefs_report";
import { printInfo, printMounted, printRoom } from "../statefs_text";

/** Verbs, in the order of their names below. */
enum Verb {
  FORMAT,
  MOUNT,
  INFO,
  PUT,
  GET,
  LS,
  RM,
  SYNC,
  CHECK,
  COMPACT,
  COUNT,
}

const VERBS: StaticArray<string> = [
  "format",
  "mount",
  "info",
  "put",
  "get",
  "ls",
  "rm",
  "sync",
  "check",
  "compact",
];

/** Fewest and most operands of each verb, and of none of them. */
const LEAST: StaticArray<i32> = [0, 0, 0, 2, 1, 0, 1, 0, 0, 0, 0];
const MOST: StaticArray<i32> = [3, 2, 0, 3, 1, 1, 1, 0, 0, 0, 0];

/** A form for each verb, in their order. */
const FORMS: string = `format [dev [first count]]
mount [dev [first]]
info
put <key> <string> [size]
get <key>
ls [prefix]
rm <key>
sync
check
compact`;

const DETAILS: string = `What put and rm do is stable after sync. dd copies values as well:
dd if=statefs:<key> of=vdb`;

/** Words in front of the operands: the command and the verb. */
const WORDS: i32 = 2;

export class Statefs extends Command {
  private store!: StateFs;
  private report!: StoreReport;
  private verb: Verb;
  /** For format: what has been confirmed and not begun. */
  private isAsked: bool;
  private disk!: BlkDevice;
  private firstLba: u64;
  private sectorCount: u64;
  private keyPtr: usize;
  private keyBytes: usize;
  private valuePtr: usize;
  private valueBytes: u32;

  init(): void {
    this.store = theStore();
    this.report = place<StoreReport>();
    this.report.init(this.store.volume);
  }

  name(): string {
    return "statefs";
  }

  operands(): string {
    return FORMS;
  }

  details(): string {
    return DETAILS;
  }

  summary(): string {
    return "keys and values that survive a power cut";
  }

  complete(words: Args, to: Candidates): void {
    const verb = verbOf(words);
    if (words.count == WORDS) offerVerbs(to);
    else if (verb == Verb.FORMAT || verb == Verb.MOUNT) to.offerDisks();
    else if (words.count == WORDS + 1 && MOST[verb] > 0) to.takesKeys = true;
  }

  example(): string {
    return "statefs put boot/disk vda";
  }

  run(args: Args): i32 {
    const verb = verbOf(args);
    if (verb == Verb.COUNT || !hasOperands(args, verb)) return this.refuse(args, verb);
    this.verb = verb;
    this.isAsked = false;
    this.report.begin();
    this.keyBytes = 0;
    switch (verb) {
      case Verb.FORMAT:
        return this.runFormat(args);
      case Verb.MOUNT:
        return this.runMount(args);
      case Verb.INFO:
        return this.info();
      case Verb.SYNC:
        return this.begun(this.store.sync());
      case Verb.CHECK:
        return this.begun(this.store.check(this.report));
      case Verb.COMPACT:
        return this.begun(this.store.compact());
      default:
        return this.runKey(args);
    }
  }

  /** Says what is wrong, and how the operation, or each of them, is used. */
  private refuse(args: Args, verb: Verb): i32 {
    complain(args);
    if (verb != Verb.COUNT) out.text("wrong number of operands");
    else if (args.count == 1) out.text("missing operand");
    else out.text("unknown operation '").bytes(args.ptr(1), args.lengthBytes(1)).text("'");
    out.text("; usage:").line();
    printForms(this, verb == Verb.COUNT ? ANY_FORM : <i32>verb);
    return err.E_ARGUMENT;
  }

  /** Takes disk and first sector, operands 0 and 1. */
  private takePlace(args: Args): bool {
    const disk = diskOperand(args, WORDS);
    if (!disk) return false;
    const first = args.count > WORDS + 1 ? numberOperand(args, WORDS + 1, "first sector") : 0;
    if (first < 0) return false;
    this.disk = disk;
    this.firstLba = first;
    return true;
  }

  private runFormat(args: Args): i32 {
    if (!this.takePlace(args)) return err.E_ARGUMENT;
    const capacity = this.disk.config.capacitySectors;
    this.sectorCount = capacity;
    if (args.count > WORDS + 1) {
      if (args.count == WORDS + 2) return this.refuse(args, Verb.FORMAT);
      const count = numberOperand(args, WORDS + 2, "count");
      if (count < 0) return err.E_ARGUMENT;
      this.sectorCount = count;
    }
    const error = this.store.checkFormat(this.disk, this.firstLba, this.sectorCount);
    this.isAsked = error == err.E_OK;
    return this.isAsked ? CONFIRM : this.failHere(error);
  }

  private runMount(args: Args): i32 {
    if (!this.takePlace(args)) return err.E_ARGUMENT;
    return this.begun(this.store.mount(this.disk, this.firstLba, this.report));
  }

  private runKey(args: Args): i32 {
    if (args.count > WORDS) {
      this.keyPtr = args.ptr(WORDS);
      this.keyBytes = args.lengthBytes(WORDS);
    }
    if (this.verb == Verb.LS) return this.runList();
    const store = this.store;
    if (this.verb == Verb.RM) return this.begun(store.remove(this.keyPtr, this.keyBytes));
    const bulkPtr = bulkFor(this.name());
    if (bulkPtr == 0) return err.E_RESET;
    this.valuePtr = bulkPtr;
    if (this.verb == Verb.GET) {
      return this.begun(store.get(this.keyPtr, this.keyBytes, bulkPtr, VALUE_BYTES_MAX));
    }
    if (!this.takeValue(args)) return err.E_ARGUMENT;
    return this.begun(store.put(this.keyPtr, this.keyBytes, this.valuePtr, this.valueBytes));
  }

  private runList(): i32 {
    this.report.listsKeys = true;
    this.report.prefixPtr = this.keyPtr;
    this.report.prefixBytes = <u32>this.keyBytes;
    return this.begun(this.store.list(this.report));
  }

  /** Puts the value into the bulk area: the text, repeated or cut to `size` when that is given. */
  private takeValue(args: Args): bool {
    const textPtr = args.ptr(WORDS + 1);
    const textBytes = args.lengthBytes(WORDS + 1);
    let size: i64 = textBytes;
    if (args.count > WORDS + 2) size = numberOperand(args, WORDS + 2, "size");
    if (size < 0) return false;
    if (size > <i64>VALUE_BYTES_MAX) {
      complain(args);
      out.text("size ").decimal(size).text(": ");
      failAbove(VALUE_BYTES_MAX);
      return false;
    }
    this.valueBytes = <u32>size;
    let done = min(textBytes, <usize>size);
    memory.copy(this.valuePtr, textPtr, done);
    if (done == 0) memory.fill(this.valuePtr, 0, <usize>size);
    // The rest doubles what is there already
    while (done > 0 && done < <usize>size) {
      const bytes = min(done, <usize>size - done);
      memory.copy(this.valuePtr + done, this.valuePtr, bytes);
      done += bytes;
    }
    return true;
  }

  printQuestion(): void {
    out.text("The contents of ").count(this.sectorCount, "sector").text(" from ");
    out.decimal(this.firstLba).text(" on are lost on ");
    printDiskName(this.disk);
    out.text(".");
  }

  resume(): i32 {
    if (this.isAsked) {
      this.isAsked = false;
      return this.begun(this.store.format(this.disk, this.firstLba, this.sectorCount));
    }
    return this.begun(this.store.resume());
  }

  interrupt(): void {
    this.store.cancel();
  }

  private begun(result: i32): i32 {
    if (result == err.PENDING) return err.PENDING;
    return result == err.E_OK ? this.finish() : this.failHere(result);
  }

  private info(): i32 {
    if (!this.store.volume.isMounted) return this.failHere(err.E_NOT_MOUNTED);
    printInfo(this.store.volume);
    return err.E_OK;
  }

  private finish(): i32 {
    const volume = this.store.volume;
    switch (this.verb) {
      case Verb.GET:
        printValue(this.valuePtr, this.store.reader.valueBytes, this.store.reader.valueCrc);
        return err.E_OK;
      case Verb.PUT:
        out.bytes(this.keyPtr, this.keyBytes).text(": ").count(this.valueBytes, "byte");
        out.text(", stable after sync").line();
        return err.E_OK;
      case Verb.RM:
        out.bytes(this.keyPtr, this.keyBytes).text(": removed, stable after sync").line();
        return err.E_OK;
      case Verb.LS:
        this.printKeys();
        out.line();
        return this.damage();
      default:
        printDiskName(volume.disk);
        out.text(": ");
        return this.finishVolume();
    }
  }

  /** The end of a line about the volume. */
  private finishVolume(): i32 {
    const volume = this.store.volume;
    switch (this.verb) {
      case Verb.FORMAT:
        out.text("formatted, ");
        printRoom(volume);
        return err.E_OK;
      case Verb.MOUNT:
        printMounted(volume, this.report);
        return err.E_OK;
      case Verb.SYNC:
        out.text("synced up to record ").decimal(volume.lastSequence).line();
        return err.E_OK;
      case Verb.CHECK:
        this.printKeys();
        out.text(" verified, ").decimal(this.report.damageCount).text(" damaged").line();
        return this.damage();
      default:
        out.text("compacted, ");
        printRoom(volume);
        return err.E_OK;
    }
  }

  /** `3 keys, 1200 bytes` */
  private printKeys(): void {
    out.count(this.report.keyCount, "key").text(", ").count(this.report.valueBytes, "byte");
  }

  /** Damage makes the command fail. */
  private damage(): i32 {
    return this.report.damageCount > 0 ? err.E_CORRUPT : err.E_OK;
  }

  /** `statefs: get name: cause` */
  private failHere(error: i32): i32 {
    out.text("statefs: ").text(VERBS[this.verb]);
    if (this.keyBytes > 0 && error != err.E_KEY) out.text(" ").bytes(this.keyPtr, this.keyBytes);
    out.text(": ");
    if (this.verb == Verb.GET && error == err.E_CORRUPT) {
      out.text("record at sector ").decimal(this.store.reader.sector()).text(": ");
    }
    return fail(error);
  }
}

/** The verb that word 1 names, or COUNT. */
function verbOf(args: Args): Verb {
  for (let verb = 0; verb < <i32>Verb.COUNT; ++verb) {
    if (args.is(1, VERBS[verb])) return <Verb>verb;
  }
  return Verb.COUNT;
}

function offerVerbs(to: Candidates): void {
  for (let verb = 0; verb < VERBS.length; ++verb) to.offerWords(VERBS[verb]);
}

function hasOperands(args: Args, verb: Verb): bool {
  const count = args.count - WORDS;
  return count >= LEAST[verb] && count <= MOST[verb];
}
