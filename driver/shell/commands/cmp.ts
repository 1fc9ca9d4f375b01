/** cmp: compares two sources, byte for byte, up to the end of the shorter one. */
import { CompareSink } from "../../io/sinks";
import { PairSource } from "../../io/sources";
import { ENDLESS, Source } from "../../io/stream";
import { place } from "../../util/arena";
import {
  E_ARGUMENT,
  E_DIFFERENT,
  E_INTERRUPTED,
  E_OK,
  E_RANGE,
  E_RESET,
  PENDING,
} from "../../util/errors";
import { SECTOR_BYTES } from "../../blk/layout";
import { Args } from "../args";
import { bulkFor } from "../bulk";
import { Candidates } from "../candidates";
import { Command, checkOperandCount } from "../command";
import { out } from "../console";
import { beginCopy, failAt, theCopier } from "../copy_job";
import { Sources, failNamed, offerSources } from "../dd_ends";
import { clearProgress, showProgress } from "../dd_report";
import { theStore } from "../mounted";
import { Word } from "../words";

const PIECE_BYTES: u64 = 1 << 20;

export class Cmp extends Command {
  private firstSources!: Sources;
  private secondSources!: Sources;
  private firstName!: Word;
  private secondName!: Word;
  private first!: Source;
  private second!: Source;
  private pair!: PairSource;
  private sink!: CompareSink;
  /** How many of the two are prepared, and memory for that. */
  private preparedCount: i32;
  private bulkPtr: usize;

  init(): void {
    this.firstSources = place<Sources>();
    this.firstSources.init();
    this.secondSources = place<Sources>();
    this.secondSources.init();
    this.firstName = place<Word>();
    this.secondName = place<Word>();
    this.pair = place<PairSource>();
    this.sink = place<CompareSink>();
    theCopier();
  }

  name(): string {
    return "cmp";
  }

  operands(): string {
    return "<source> <source>";
  }

  summary(): string {
    return "compares two sources, byte for byte";
  }

  complete(words: Args, to: Candidates): void {
    offerSources(to);
  }

  example(): string {
    return "cmp vda vdb";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 2, 2) != E_OK) return E_ARGUMENT;
    this.firstName.set(args.ptr(1), args.lengthBytes(1));
    this.secondName.set(args.ptr(2), args.lengthBytes(2));
    const first = this.firstSources.find(args, "", this.firstName);
    if (!first) return E_ARGUMENT;
    const second = this.secondSources.find(args, "", this.secondName);
    if (!second) return E_ARGUMENT;
    this.first = first;
    this.second = second;
    this.bulkPtr = bulkFor(this.name());
    if (this.bulkPtr == 0) return E_RESET;
    this.preparedCount = 0;
    return this.prepare();
  }

  /** One source after the other: both may be keys of one store. */
  private prepare(): i32 {
    const isFirst = this.preparedCount == 0;
    const result = (isFirst ? this.first : this.second).prepare(this.bulkPtr);
    if (result == PENDING) return PENDING;
    const name = isFirst ? this.firstName : this.secondName;
    this.preparedCount += 1;
    if (result != E_OK) {
      this.preparedCount = 2;
      return failNamed(this.name(), "", name, result);
    }
    return isFirst ? this.prepare() : this.begin();
  }

  private begin(): i32 {
    const copier = theCopier();
    this.pair.use(this.first, this.second);
    if (this.pair.sizeBytes() == ENDLESS) {
      out.alarm().text("cmp: neither of them has an end").line();
      return E_ARGUMENT;
    }
    copier.source = this.pair;
    copier.sink = this.sink;
    copier.plan(0, 0, this.pair.sizeBytes(), PIECE_BYTES);
    copier.needsOther = true;
    const error = beginCopy(this.name());
    return error == E_OK ? this.resume() : error;
  }

  resume(): i32 {
    if (this.preparedCount < 2) return this.prepare();
    const copier = theCopier();
    const result = copier.go();
    if (result == PENDING) {
      showProgress(copier);
      return PENDING;
    }
    clearProgress();
    if (result == E_OK) return this.endEqual();
    if (result == E_DIFFERENT) this.printDifference();
    else if (result == E_INTERRUPTED) {
      out.text("cmp: interrupted, ").decimal(copier.doneBytes).text(" bytes are the same").line();
    } else this.failRead(result);
    return result;
  }

  private failRead(error: i32): void {
    const copier = theCopier();
    const disk = this.pair.sourceOf(copier.errorPiece).disk();
    if (disk) failAt(this.name(), false, disk, copier.errorOffset, error);
  }

  /** Everything that both have is the same: whether one of them goes on. */
  private endEqual(): i32 {
    const bytes = this.pair.sizeBytes();
    const firstBytes = this.first.sizeBytes();
    const secondBytes = this.second.sizeBytes();
    const isFirstShort = firstBytes < secondBytes && secondBytes != ENDLESS;
    const isSecondShort = secondBytes < firstBytes && firstBytes != ENDLESS;
    if (!isFirstShort && !isSecondShort) {
      this.printNames();
      out.text(" are the same, ").decimal(bytes).text(" bytes").line();
      return E_OK;
    }
    const short = isFirstShort ? this.firstName : this.secondName;
    out.text("cmp: ").bytes(short.ptr, short.lengthBytes).text(" ends after ").decimal(bytes);
    out.text(" bytes that are the same").line();
    return E_RANGE;
  }

  private printDifference(): void {
    const sink = this.sink;
    this.printNames();
    out.text(" differ: byte ").decimal(sink.foundOffset).text(", in sector ");
    out
      .decimal(sink.foundOffset / SECTOR_BYTES)
      .text(", is 0x")
      .hexByte(sink.foundFirst);
    out.text(" and 0x").hexByte(sink.foundSecond).line();
  }

  private printNames(): void {
    out.bytes(this.firstName.ptr, this.firstName.lengthBytes).text(" ");
    out.bytes(this.secondName.ptr, this.secondName.lengthBytes);
  }

  awaits(): i32 {
    return theCopier().awaits();
  }

  interrupt(): void {
    if (this.preparedCount < 2) theStore().cancel();
    else theCopier().stop();
  }
}
