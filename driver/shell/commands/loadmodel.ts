/**
 * loadmodel: reads a model in a GGUF file from a disk, or makes tokens of a text with the
 * vocabulary in the file.
 *
 * The file begins at byte `offset` of the disk; where it ends it says itself. All memory for it is
 * the bulk area, so that a file of any size and any content needs no more than that.
 */
import { EXTENT_BYTES, EXTENT_COUNT_MAX } from "../../gguf/extents";
import { Parser } from "../../gguf/parser";
import { Region } from "../../gguf/region";
import { WINDOW_BYTES } from "../../gguf/stream";
import { CHUNK_BYTES, CHUNK_COUNT, TensorReader } from "../../gguf/tensor_reader";
import { Tokenizer } from "../../gguf/tokenizer";
import { VocabularyLoader } from "../../gguf/vocabulary_loader";
import { place } from "../../util/arena";
import * as err from "../../util/errors";
import { isUtf8 } from "../../util/utf8";
import { Args } from "../args";
import { BULK_BYTES, bulkFor } from "../bulk";
import {
  Command,
  checkOperandCount,
  complain,
  diskOperand,
  fail,
  numberOperand,
  printDiskName,
} from "../command";
import { out } from "../console";
import { ReadReport } from "../loadmodel_progress";
import {
  initModelReport,
  printFault,
  printModel,
  printTokens,
  printVocabulary,
} from "../loadmodel_report";

/** Longest text to make tokens of, in bytes. */
const TEXT_BYTES_MAX: usize = 4096;

enum Step {
  PARSE,
  READ,
  VOCABULARY,
  TOKENS,
  CLOSE,
}

export class Loadmodel extends Command {
  private parser!: Parser;
  private reader!: TensorReader;
  private loader!: VocabularyLoader;
  private tokenizer!: Tokenizer;
  private region!: Region;
  private report!: ReadReport;
  private step: Step;
  private isTokens: bool;
  private isInterrupted: bool;
  private chunksPtr: usize;
  /** What the command ends with once the disk has given its memory back. */
  private outcome: i32;

  init(): void {
    this.parser = place<Parser>();
    this.parser.init();
    this.reader = place<TensorReader>();
    this.reader.init();
    this.loader = place<VocabularyLoader>();
    this.loader.init(this.parser);
    this.tokenizer = place<Tokenizer>();
    this.tokenizer.init(this.parser, this.loader);
    this.region = place<Region>();
    this.report = place<ReadReport>();
    initModelReport();
  }

  name(): string {
    return "loadmodel";
  }

  operands(): string {
    return '[dev] [offset]\n--tokens "<text>" [dev] [offset]';
  }

  summary(): string {
    return "reads a GGUF model, or makes tokens";
  }

  choices(): string {
    return "--tokens";
  }

  example(): string {
    return "loadmodel vda";
  }

  run(args: Args): i32 {
    this.isTokens = args.is(1, "--tokens");
    const first = this.isTokens ? 3 : 1;
    if (checkOperandCount(args, this, first - 1, first + 1) != err.E_OK) return err.E_ARGUMENT;
    if (this.isTokens && !checkText(args, 2)) return err.E_ARGUMENT;
    const disk = diskOperand(args, first);
    if (!disk) return err.E_ARGUMENT;
    const offset = first + 1 < args.count ? numberOperand(args, first + 1, "offset") : 0;
    if (offset < 0) return err.E_ARGUMENT;
    const bulkPtr = bulkFor(this.name());
    if (bulkPtr == 0) return err.E_RESET;
    this.region.begin(bulkPtr, BULK_BYTES);
    this.parser.stream.begin(disk, offset, this.region.take(WINDOW_BYTES));
    if (this.isTokens) this.tokenizer.takeText(args.ptr(2), args.lengthBytes(2), this.region);
    else this.takeTables();
    this.parser.begin(this.isTokens);
    this.isInterrupted = false;
    this.step = Step.PARSE;
    return err.PENDING;
  }

  private takeTables(): void {
    this.parser.extents.begin(this.region.take(<usize>EXTENT_COUNT_MAX * EXTENT_BYTES));
    this.chunksPtr = this.region.take(<usize>CHUNK_COUNT * <usize>CHUNK_BYTES);
  }

  resume(): i32 {
    if (this.step == Step.CLOSE) return this.resumeClose();
    if (this.isInterrupted) return this.endInterrupted();
    const result = this.resumeStep();
    if (result == err.PENDING) {
      if (this.step == Step.READ) this.report.show(this.reader.doneBytes);
      return err.PENDING;
    }
    return result == err.E_OK ? this.endStep() : this.endFailed(result);
  }

  private resumeStep(): i32 {
    switch (this.step) {
      case Step.PARSE:
        return this.parser.advance();
      case Step.READ:
        return this.reader.advance();
      case Step.VOCABULARY:
        return this.loader.advance();
      default:
        return this.tokenizer.advance();
    }
  }

  /** A step has ended well: begins the next one. */
  private endStep(): i32 {
    switch (this.step) {
      case Step.PARSE:
        return this.isTokens
          ? this.go(Step.VOCABULARY, this.loader.begin(this.region))
          : this.read();
      case Step.READ:
        this.report.end(this.reader.doneBytes, this.reader.crc);
        return this.close(err.E_OK);
      case Step.VOCABULARY:
        return this.go(Step.TOKENS, this.tokenizer.begin());
      default:
        printVocabulary(this.parser.stream.disk, this.parser.metadata);
        printTokens(this.tokenizer, this.loader);
        return this.close(err.E_OK);
    }
  }

  private go(step: Step, error: i32): i32 {
    this.step = step;
    return error == err.E_OK ? err.PENDING : this.endFailed(error);
  }

  private read(): i32 {
    const parser = this.parser;
    const stream = parser.stream;
    printModel(parser);
    const dataOffset = stream.startOffset + parser.model.dataStart;
    this.reader.begin(stream.disk, parser.extents, dataOffset, this.chunksPtr);
    this.report.begin(parser.model.dataBytes());
    this.step = Step.READ;
    return err.PENDING;
  }

  interrupt(): void {
    this.isInterrupted = true;
  }

  private endInterrupted(): i32 {
    this.report.clear();
    out.text("loadmodel: interrupted");
    if (this.step == Step.READ) {
      out.text(" after ").decimal(this.reader.doneBytes).text(" bytes of tensors");
    }
    out.line();
    return this.close(err.E_INTERRUPTED);
  }

  /** `loadmodel: vda, byte 24 of the file: cause`, or `loadmodel: read at byte 24 on vda: cause` */
  private endFailed(error: i32): i32 {
    const stream = this.parser.stream;
    this.report.clear();
    if (error == err.E_CORRUPT) {
      printFault(stream.disk, this.parser.fault);
      return this.close(error);
    }
    const isData = this.step == Step.READ;
    const offset = isData ? this.reader.errorOffset : stream.startOffset + stream.position();
    out.text("loadmodel: read at byte ").decimal(offset).text(" on ");
    printDiskName(stream.disk);
    out.text(": ");
    return this.close(fail(error));
  }

  private close(outcome: i32): i32 {
    this.outcome = outcome;
    this.step = Step.CLOSE;
    return this.resumeClose();
  }

  /** The bulk area is another's only when no disk writes to it any more. */
  private resumeClose(): i32 {
    const stream = this.parser.stream.close();
    const chunks = this.reader.close();
    return stream == err.PENDING || chunks == err.PENDING ? err.PENDING : this.outcome;
  }
}

/** Whether a text can be made into tokens; otherwise the line has been printed. */
function checkText(args: Args, index: i32): bool {
  const bytes = args.lengthBytes(index);
  const isLong = bytes > TEXT_BYTES_MAX;
  if (!isLong && isUtf8(args.ptr(index), bytes)) return true;
  complain(args);
  out.text("the text: ");
  fail(isLong ? err.E_TOO_LONG : err.E_UTF8);
  return false;
}
