/**
 * blktest: numbered tests of a disk, for people and with `--tap` for a CI job (TAP 14).
 *
 * What it overwrites it has saved before, and puts back at the end, also when a test has failed or
 * Ctrl-C has come; then it reads it again and compares.
 */
import { BlkDevice } from "../../blk/device";
import { SECTOR_BYTES } from "../../blk/layout";
import { sameBytes } from "../../io/sinks";
import { place } from "../../util/arena";
import * as err from "../../util/errors";
import { Args } from "../args";
import { bulkFor } from "../bulk";
import { Command, checkOperandCount, complain, diskOperand, fail, printDiskName } from "../command";
import { SCRATCH_BYTES_MIN, SKIPPED, TEST_COUNT, Tests, testName } from "../blktest_tests";
import { GREEN, RED, out } from "../console";

/** What is being done. */
enum Phase {
  SAVING,
  TESTING,
  RESTORING,
  READING,
  COMPARING,
}

const COMPARE_BYTES: u32 = 128 << 10;

export class Blktest extends Command {
  private tests!: Tests;
  private disk!: BlkDevice;
  private isTap: bool;
  private phase: Phase;
  private test: i32;
  private isWaiting: bool;
  private isInterrupted: bool;
  private passedCount: u32;
  private failedCount: u32;
  private skippedCount: u32;
  private comparedBytes: u32;

  init(): void {
    this.tests = place<Tests>();
    this.tests.init();
  }

  name(): string {
    return "blktest";
  }

  operands(): string {
    return "[--tap] [dev]";
  }

  summary(): string {
    return "tests a disk, and leaves it as it was";
  }

  example(): string {
    return "blktest --tap vda";
  }

  run(args: Args): i32 {
    const tapIndex = findTap(args);
    if (checkOperandCount(args, this, 0, tapIndex > 0 ? 2 : 1) != err.E_OK) return err.E_ARGUMENT;
    const disk = diskOperand(args, tapIndex == 1 ? 2 : 1);
    if (!disk) return err.E_ARGUMENT;
    const bulkPtr = bulkFor(this.name());
    if (bulkPtr == 0) return err.E_RESET;
    this.disk = disk;
    this.tests.prepare(disk, bulkPtr);
    if (this.tests.scratchBytes < SCRATCH_BYTES_MIN) {
      complain(args);
      printDiskName(disk);
      out.text(" has less than ").decimal(SCRATCH_BYTES_MIN).text(" bytes").line();
      return err.E_RANGE;
    }
    this.isTap = tapIndex > 0;
    return this.begin();
  }

  private begin(): i32 {
    this.test = 0;
    this.isInterrupted = false;
    this.passedCount = 0;
    this.failedCount = 0;
    this.skippedCount = 0;
    if (this.isTap) {
      out.text("TAP version 14").line();
      out.text("1..").decimal(TEST_COUNT).line();
    }
    const tests = this.tests;
    this.phase = Phase.SAVING;
    const result = tests.io.read(
      this.disk,
      tests.scratchOffset,
      tests.savedPtr,
      tests.scratchBytes,
    );
    return result == err.PENDING ? result : this.endSaving(result);
  }

  resume(): i32 {
    switch (this.phase) {
      case Phase.TESTING:
        return this.goOn();
      case Phase.COMPARING:
        return this.compare();
      default: {
        const result = this.tests.io.result();
        return result == err.PENDING ? result : this.endPhase(result);
      }
    }
  }

  private endPhase(result: i32): i32 {
    if (this.phase == Phase.SAVING) return this.endSaving(result);
    if (result != err.E_OK) return this.endUnrestored(result);
    if (this.phase == Phase.RESTORING) return this.beginReading();
    this.comparedBytes = 0;
    this.phase = Phase.COMPARING;
    return err.PENDING;
  }

  private endSaving(result: i32): i32 {
    this.tests.saveError = result;
    this.phase = Phase.TESTING;
    this.isWaiting = false;
    this.tests.begin();
    return err.PENDING;
  }

  /** One slice of the test that is under way; what it needs has come when nothing is. */
  private goOn(): i32 {
    if (this.isInterrupted && !this.isBusy()) return this.restore();
    const result = this.tests.go(this.test, this.isWaiting);
    this.isWaiting = result == err.PENDING;
    if (result == err.PENDING || this.tests.isAgain(result)) return err.PENDING;
    if (this.isInterrupted) return this.restore();
    this.report(result);
    this.test += 1;
    this.tests.begin();
    return this.test < TEST_COUNT ? err.PENDING : this.restore();
  }

  private isBusy(): bool {
    return this.isWaiting && this.tests.io.result() == err.PENDING;
  }

  /** Counts a test that has ended, and prints its line. */
  private report(result: i32): void {
    if (result == err.E_OK) this.passedCount += 1;
    else if (result == SKIPPED) this.skippedCount += 1;
    else this.failedCount += 1;
    if (this.isTap) this.printTap(result);
    else this.printLine(result);
  }

  private printTap(result: i32): void {
    out.text(result < 0 ? "not ok " : "ok ").decimal(this.test + 1);
    out.text(" - ").text(testName(this.test));
    if (result == SKIPPED) out.text(" # SKIP ").text(this.skipReason());
    out.line();
    if (result >= 0) return;
    out.text("  ---").line();
    out.text('  message: "').text(err.errorText(result)).text('"').line();
    out.text("  ...").line();
  }

  private printLine(result: i32): void {
    out.right(this.test + 1, 2);
    printVerdict(result);
    out.text(testName(this.test));
    if (result == SKIPPED) out.text(": ").text(this.skipReason());
    if (result < 0) out.text(": ").text(err.errorText(result));
    out.line();
  }

  private skipReason(): string {
    return err.errorText(this.disk.isReadOnly() ? err.E_READ_ONLY : err.E_NOT_OFFERED);
  }

  /** Puts back what has been overwritten. */
  private restore(): i32 {
    const tests = this.tests;
    if (!tests.hasWritten) return this.end();
    this.phase = Phase.RESTORING;
    const offset = tests.scratchOffset;
    const result = tests.io.write(this.disk, offset, tests.savedPtr, tests.scratchBytes);
    return result == err.PENDING ? result : this.endPhase(result);
  }

  private beginReading(): i32 {
    const tests = this.tests;
    this.phase = Phase.READING;
    const offset = tests.scratchOffset;
    const result = tests.io.read(this.disk, offset, tests.workPtr, tests.scratchBytes);
    return result == err.PENDING ? result : this.endPhase(result);
  }

  private compare(): i32 {
    const tests = this.tests;
    const at = this.comparedBytes;
    const length = min(tests.scratchBytes - at, COMPARE_BYTES);
    const isSame = sameBytes(tests.savedPtr + at, tests.workPtr + at, length) == length;
    if (!isSame) return this.endUnrestored(err.E_DIFFERENT);
    this.comparedBytes = at + length;
    return this.comparedBytes < tests.scratchBytes ? err.PENDING : this.end();
  }

  /** `Bail out!` ends a TAP stream; for people the same is a line of the command. */
  private printBail(): void {
    out.text(this.isTap ? "Bail out! " : "blktest: ");
  }

  private endUnrestored(error: i32): i32 {
    const tests = this.tests;
    this.printBail();
    out
      .text("NOT restored: ")
      .decimal(tests.scratchBytes / SECTOR_BYTES)
      .text(" sectors from ");
    out.decimal(tests.scratchOffset / SECTOR_BYTES).text(" on, ");
    printDiskName(this.disk);
    out.text(": ");
    return fail(error);
  }

  private end(): i32 {
    if (this.isInterrupted) {
      this.printBail();
      out.text("interrupted after ").decimal(this.test).text(" tests").line();
      return err.E_INTERRUPTED;
    }
    if (!this.isTap) {
      out.text("blktest: ").decimal(this.passedCount).text(" passed, ");
      out.decimal(this.failedCount).text(" failed, ");
      out.decimal(this.skippedCount).text(" skipped");
      if (this.tests.hasWritten) out.text("; what was overwritten is restored");
      out.line();
    }
    return this.failedCount == 0 ? err.E_OK : err.E_IO;
  }

  interrupt(): void {
    this.isInterrupted = true;
    if (this.phase == Phase.SAVING || this.phase == Phase.TESTING) this.tests.io.cancel();
  }
}

function printVerdict(result: i32): void {
  out.char(0x20);
  if (result == SKIPPED) out.text("SKIP");
  else if (result == err.E_OK) out.paint(GREEN).text("PASS").plain();
  else out.paint(RED).text("FAIL").plain();
  out.char(0x20);
}

/** Index of the word `--tap`, or 0. */
function findTap(args: Args): i32 {
  for (let i = 1; i < args.count; ++i) {
    if (args.is(i, "--tap")) return i;
  }
  return 0;
}
