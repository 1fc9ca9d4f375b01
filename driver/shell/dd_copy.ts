/**
 * `dd if= of=`: copies bytes from a source to a sink as GNU dd does, many pieces at a time.
 *
 * What differs from GNU dd, since positions do not depend on one another here: with conv=noerror
 * and without sync, what cannot be read is left out where it would have gone, and nothing moves up.
 * Refused: a copy within one disk that would write over what it has yet to read.
 */
import { Copier } from "../io/copier";
import { ENDLESS, Sink, Source } from "../io/stream";
import { place } from "../util/arena";
import * as err from "../util/errors";
import { hexDigit } from "../util/numbers";
import { Args } from "./args";
import { complain, fail } from "./command";
import { out } from "./console";
import { beginCopy, failAt, failCopy, theCopier } from "./copy_job";
import { Sinks, Sources } from "./dd_ends";
import { DdOptions, Flag, Operand, Status } from "./dd_options";
import * as report from "./dd_report";

const NAME: string = "dd";

export class CopyJob {
  private options!: DdOptions;
  private sources!: Sources;
  private sinks!: Sinks;
  private copier!: Copier;
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
    const planned = this.plan(args, source, sink);
    return planned == err.E_OK ? this.begin() : planned;
  }

  /** Finds what is copied where. Returns E_OK, or an error whose line has been printed. */
  private plan(args: Args, source: Source, sink: Sink): i32 {
    const options = this.options;
    const copier = this.copier;
    if (options.skipBytes > source.sizeBytes()) return refuse(args, "skip=", options.skipBytes);
    if (options.seekBytes > sink.sizeBytes()) return refuse(args, "seek=", options.seekBytes);
    const available = lengthBehind(source.sizeBytes(), options.skipBytes);
    let bytes = options.has(Operand.COUNT) ? min(options.countBytes, available) : available;
    const sourceBytes = bytes;
    const isPadded = options.isOn(Flag.SYNC) && bytes != ENDLESS;
    if (isPadded) bytes = roundUp(bytes, options.recordBytes);
    const room = lengthBehind(sink.sizeBytes(), options.seekBytes);
    this.isSinkShort = bytes > room;
    copier.source = source;
    copier.sink = sink;
    copier.sourceStart = options.skipBytes;
    copier.sinkStart = options.seekBytes;
    copier.lengthBytes = min(bytes, room);
    copier.sourceBytes = min(sourceBytes, room);
    copier.recordBytes = options.recordBytes;
    copier.skipsErrors = options.isOn(Flag.NOERROR);
    copier.fillsErrors = copier.skipsErrors && options.isOn(Flag.SYNC);
    copier.needsOther = false;
    // A mark is the number of the sector that it goes to
    if (this.sources.isPattern(source)) copier.sourceStart += options.seekBytes;
    if (!copier.overlaps()) return err.E_OK;
    complain(args);
    out.text("the copy would overwrite what it has yet to read").line();
    return err.E_ARGUMENT;
  }

  private begin(): i32 {
    this.readError = err.E_OK;
    this.sinks.hex.use(this.options.skipBytes);
    const error = beginCopy(NAME);
    if (error != err.E_OK) return error;
    report.beginProgress(this.copier);
    return this.resume();
  }

  resume(): i32 {
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

  interrupt(): void {
    this.copier.stop();
  }

  private end(result: i32): i32 {
    const copier = this.copier;
    report.clearProgress();
    if (copier.sink == this.sinks.hex) this.sinks.hex.finish();
    if (result != err.E_OK && result != err.E_INTERRUPTED) failCopy(NAME, result);
    else if (result == err.E_OK && this.isSinkShort) result = this.failShort();
    this.printStatistics();
    if (result == err.E_INTERRUPTED) {
      out.text("dd: interrupted after ").decimal(copier.doneBytes).text(" bytes").line();
    }
    return result == err.E_OK ? this.readError : result;
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

function refuse(args: Args, what: string, bytes: u64): i32 {
  complain(args);
  out.text(what).text(" of ").decimal(bytes).text(" bytes: ");
  return fail(err.E_RANGE);
}

/** `crc32c 0xe3069283` */
export function printCrc(value: u32): void {
  out.text("crc32c 0x");
  for (let at = 7; at >= 0; --at) out.char(hexDigit((value >> (4 * at)) & 15));
  out.line();
}

function lengthBehind(sizeBytes: u64, offset: u64): u64 {
  return sizeBytes == ENDLESS ? ENDLESS : sizeBytes - offset;
}

function roundUp(value: u64, unit: u64): u64 {
  const rest = value % unit;
  return rest == 0 ? value : value + (unit - rest);
}
