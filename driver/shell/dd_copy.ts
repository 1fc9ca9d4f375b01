/**
 * `dd if= of=`: copies bytes from a source to a sink as GNU dd does, many pieces at a time.
 *
 * What differs from GNU dd, since positions do not depend on one another here: with conv=noerror
 * and without sync, what cannot be read is left out where it would have gone, and nothing moves up.
 * Refused: a copy within one disk that would write over what it has yet to read, and a value of a
 * key that is longer than a value can be, or that would be written in part.
 */
import { Copier } from "../io/copier";
import { ENDLESS, Sink, Source } from "../io/stream";
import { VALUE_BYTES_MAX } from "../statefs/layout";
import { place } from "../util/arena";
import * as err from "../util/errors";
import { Args } from "./args";
import { BULK_BYTES, bulkFor } from "./bulk";
import { out } from "./console";
import { beginCopy, failAt, failCopy, theCopier } from "./copy_job";
import { Sinks, Sources, failNamed } from "./dd_ends";
import { DdOptions, Flag, Operand, Status } from "./dd_options";
import * as report from "./dd_report";
import { theStore } from "./mounted";

const NAME: string = "dd";

export class CopyJob {
  private options!: DdOptions;
  private sources!: Sources;
  private sinks!: Sinks;
  private copier!: Copier;
  private source!: Source;
  private sink!: Sink;
  /** Whether the source is still to be prepared, and lent memory for it. */
  private isPreparing: bool;
  private bulkPtr: usize;
  /** Whether the sink ends before the stream does. */
  private isSinkShort: bool;
  private readError: i32;

  init(): void {
    this.options = place<DdOptions>();
    this.options.init();
    this.sources = place<Sources>();
    this.sources.init();
    this.sinks = place<Sinks>();
    this.sinks.init();
    this.copier = theCopier();
  }

  run(args: Args): i32 {
    const options = this.options;
    const error = options.parse(args);
    if (error != err.E_OK) return error;
    const source = this.sources.find(args, "if=", options.word(Operand.IF));
    if (!source) return err.E_ARGUMENT;
    const flushes = options.isOn(Flag.FSYNC);
    const sink = this.sinks.find(args, "of=", options.word(Operand.OF), flushes);
    if (!sink) return err.E_ARGUMENT;
    this.source = source;
    this.sink = sink;
    this.bulkPtr = bulkFor(NAME);
    if (this.bulkPtr == 0) return err.E_RESET;
    this.isPreparing = true;
    return this.prepare();
  }

  /** The copy can be planned once it is known how much there is. */
  private prepare(): i32 {
    const result = this.source.prepare(this.bulkPtr);
    if (result == err.PENDING) return err.PENDING;
    this.isPreparing = false;
    if (result != err.E_OK) return failNamed(NAME, "if=", this.options.word(Operand.IF), result);
    const planned = this.plan();
    return planned == err.E_OK ? this.begin() : planned;
  }

  /** Finds what is copied where. Returns E_OK, or an error whose line has been printed. */
  private plan(): i32 {
    const options = this.options;
    const copier = this.copier;
    const sourceSize = this.source.sizeBytes();
    const sinkSize = this.sink.sizeBytes();
    if (options.skipBytes > sourceSize) return refuse("skip=", options.skipBytes, sourceSize);
    if (this.isValue() && options.seekBytes > 0) {
      return refuseValue("is written whole, without seek=");
    }
    if (options.seekBytes > sinkSize) return refuse("seek=", options.seekBytes, sinkSize);
    const available = lengthBehind(sourceSize, options.skipBytes);
    let bytes = options.has(Operand.COUNT) ? min(options.countBytes, available) : available;
    const sourceBytes = bytes;
    const isPadded = options.isOn(Flag.SYNC) && bytes != ENDLESS;
    if (isPadded) bytes = roundUp(bytes, options.recordBytes);
    const room = lengthBehind(sinkSize, options.seekBytes);
    this.isSinkShort = bytes > room;
    if (this.isValue() && this.isSinkShort) return refuseLength(bytes);
    copier.source = this.source;
    copier.sink = this.sink;
    copier.sourceStart = options.skipBytes;
    copier.sinkStart = options.seekBytes;
    copier.lengthBytes = min(bytes, room);
    copier.sourceBytes = min(sourceBytes, room);
    copier.recordBytes = options.recordBytes;
    copier.skipsErrors = options.isOn(Flag.NOERROR);
    copier.fillsErrors = copier.skipsErrors && options.isOn(Flag.SYNC);
    copier.needsOther = false;
    // A mark is the number of the sector that it goes to
    if (this.sources.isPattern(this.source)) copier.sourceStart += options.seekBytes;
    if (!copier.overlaps()) return err.E_OK;
    out.alarm().text("dd: the copy would overwrite what it has yet to read").line();
    return err.E_ARGUMENT;
  }

  /** Whether the copy goes to the value of a key. */
  private isValue(): bool {
    return this.sink == this.sinks.value;
  }

  private begin(): i32 {
    this.readError = err.E_OK;
    this.sinks.hex.use(this.options.skipBytes);
    const isValue = this.isValue();
    if (isValue) {
      const valuePtr = this.bulkPtr + BULK_BYTES - VALUE_BYTES_MAX;
      this.sinks.value.lend(valuePtr, <u32>this.copier.lengthBytes);
    }
    const error = beginCopy(NAME, isValue ? VALUE_BYTES_MAX : 0);
    return error == err.E_OK ? this.resume() : error;
  }

  resume(): i32 {
    if (this.isPreparing) return this.prepare();
    const copier = this.copier;
    const result = copier.go();
    this.reportFailures();
    if (result != err.PENDING) return this.end(result);
    const isQuiet = this.options.status == Status.NONE || this.options.status == Status.NOXFER;
    if (!isQuiet && copier.sink != this.sinks.hex) report.showProgress(copier);
    return err.PENDING;
  }

  /** The lines of what conv=noerror passes over. */
  private reportFailures(): void {
    const disk = this.copier.source.disk();
    const piece = this.copier.failure();
    if (!piece || !disk) return;
    report.clearProgress();
    this.readError = failAt(NAME, false, disk, piece.readErrorOffset, piece.readError);
    this.copier.passFailure();
  }

  awaits(): i32 {
    return this.copier.awaits();
  }

  interrupt(): void {
    if (this.isPreparing) return theStore().cancel();
    this.copier.stop();
    if (this.isValue()) this.sinks.value.cancel();
  }

  private end(result: i32): i32 {
    const copier = this.copier;
    report.clearProgress();
    if (copier.sink == this.sinks.hex) this.sinks.hex.finish();
    if (result != err.E_OK && result != err.E_INTERRUPTED) this.failCopy(result);
    else if (result == err.E_OK && this.isSinkShort) result = this.failShort();
    this.printStatistics();
    if (result == err.E_INTERRUPTED) {
      out.text("dd: interrupted after ").decimal(copier.doneBytes).text(" bytes").line();
    }
    return result == err.E_OK ? this.readError : result;
  }

  private failCopy(error: i32): void {
    if (!this.isValue() || !this.copier.isEndError) failCopy(NAME, error);
    else failNamed(NAME, "of=", this.options.word(Operand.OF), error);
  }

  /** The sink is full before the source has ended. */
  private failShort(): i32 {
    const copier = this.copier;
    const disk = copier.sink.disk();
    const at = copier.sinkStart + copier.doneBytes;
    return disk ? failAt(NAME, true, disk, at, err.E_RANGE) : err.E_RANGE;
  }

  private printStatistics(): void {
    const copier = this.copier;
    const status = this.options.status;
    if (copier.sink == this.sinks.crc) printCrc(this.sinks.crc.value);
    if (status == Status.NONE) return;
    report.printRecords(copier);
    if (status == Status.NOXFER) return;
    report.printTransfer(copier.outBytes, copier.elapsedNs(), "copied");
    out.line();
  }
}

/** `dd: skip= of 33280 bytes is past the end, at 32768` */
function refuse(what: string, bytes: u64, sizeBytes: u64): i32 {
  out.alarm().text("dd: ").text(what).text(" of ").decimal(bytes);
  out.text(" bytes is past the end, at ").decimal(sizeBytes).line();
  return err.E_RANGE;
}

function refuseValue(why: string): i32 {
  out.alarm().text("dd: a value ").text(why).line();
  return err.E_ARGUMENT;
}

function refuseLength(bytes: u64): i32 {
  out.alarm().text("dd: a value has at most ").decimal(VALUE_BYTES_MAX).text(" bytes, ");
  if (bytes == ENDLESS) out.text("this has no end: say count=").line();
  else out.text("this has ").decimal(bytes).line();
  return err.E_TOO_LONG;
}

/** `crc32c 0xe3069283` */
export function printCrc(value: u32): void {
  out.text("crc32c 0x").hex32(value).line();
}

function lengthBehind(sizeBytes: u64, offset: u64): u64 {
  return sizeBytes == ENDLESS ? ENDLESS : sizeBytes - offset;
}

function roundUp(value: u64, unit: u64): u64 {
  const rest = value % unit;
  return rest == 0 ? value : value + (unit - rest);
}
