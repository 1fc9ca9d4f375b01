/** What blktest says of its tests: lines for people, or TAP 14. */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import { E_OK, E_RANGE, errorText } from "../util/errors";
import { DiskTestRun, TestObserver } from "./blktest_run";
import { SCRATCH_BYTES_MIN, SKIPPED, TEST_COUNT, testName } from "./blktest_tests";
import { fail, printDiskName } from "./command";
import { GREEN, RED, out } from "./console";

export class TestReport extends TestObserver {
  isTap: bool;
  private run!: DiskTestRun;

  init(run: DiskTestRun): void {
    this.run = run;
  }

  begin(isTap: bool): void {
    this.isTap = isTap;
    if (!isTap) return;
    out.text("TAP version 14").line();
    out.text("1..").decimal(TEST_COUNT).line();
  }

  tested(test: i32, result: i32): void {
    if (this.isTap) this.printTap(test, result);
    else this.printLine(test, result);
  }

  private printTap(test: i32, result: i32): void {
    out.text(result < 0 ? "not ok " : "ok ").decimal(test + 1);
    out.text(" - ").text(testName(test));
    if (result == SKIPPED) out.text(" # SKIP ").text(this.run.skipReason());
    out.line();
    if (result >= 0) return;
    out.text("  ---").line();
    out.text('  message: "').text(errorText(result)).text('"').line();
    out.text("  ...").line();
  }

  private printLine(test: i32, result: i32): void {
    out.right(test + 1, 2).char(0x20);
    if (result == SKIPPED) out.text("SKIP");
    else if (result == E_OK) out.paint(GREEN).text("PASS").plain();
    else out.paint(RED).text("FAIL").plain();
    out.char(0x20).text(testName(test));
    if (result == SKIPPED) out.text(": ").text(this.run.skipReason());
    if (result < 0) out.text(": ").text(errorText(result));
    out.line();
  }

  /** The last line. */
  end(): void {
    if (this.isTap) return;
    const run = this.run;
    out.text("blktest: ").decimal(run.passedCount).text(" passed, ");
    out.decimal(run.failedCount).text(" failed, ");
    out.decimal(run.skippedCount).text(" skipped");
    if (run.tests.hasWritten) out.text("; what was overwritten is restored");
    out.line();
  }

  /** `Bail out!` ends a TAP stream; for people the same is a line of the command. */
  endInterrupted(): void {
    out.text(this.isTap ? "Bail out! " : "blktest: ");
    out.text("interrupted after ").decimal(this.run.doneCount()).text(" tests").line();
  }

  endUnrestored(error: i32): void {
    out.text(this.isTap ? "Bail out! " : "blktest: ");
    printUnrestored(this.run, error);
  }
}

/** `NOT restored: 8192 sectors from 57344 on, vda: cause` */
export function printUnrestored(run: DiskTestRun, error: i32): void {
  out.text("NOT restored: ").decimal(run.tests.scratchBytes / SECTOR_BYTES);
  out.text(" sectors from ").decimal(run.tests.scratchOffset / SECTOR_BYTES);
  out.text(" on, ");
  printDiskName(run.disk);
  out.text(": ");
  fail(error);
}

/** `blktest: vda has less than 32768 bytes` */
export function failTooSmall(command: string, disk: BlkDevice): i32 {
  out.alarm().text(command).text(": ");
  printDiskName(disk);
  out.text(" has less than ").decimal(SCRATCH_BYTES_MIN).text(" bytes").line();
  return E_RANGE;
}
