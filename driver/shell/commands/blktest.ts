/** blktest: numbered tests of a disk, for people and with `--tap` for a CI job (TAP 14). */
import { place } from "../../util/arena";
import * as err from "../../util/errors";
import { Args } from "../args";
import { TestReport, failTooSmall } from "../blktest_report";
import { DiskTestRun } from "../blktest_run";
import { bulkFor } from "../bulk";
import { Command, checkOperandCount, diskOperand } from "../command";

export class Blktest extends Command {
  private tests!: DiskTestRun;
  private report!: TestReport;

  init(): void {
    this.tests = place<DiskTestRun>();
    this.report = place<TestReport>();
    this.tests.init(this.report);
    this.report.init(this.tests);
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

  choices(): string {
    return "--tap";
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
    if (!this.tests.prepare(disk, bulkPtr)) return failTooSmall(this.name(), disk);
    this.report.begin(tapIndex > 0);
    return this.end(this.tests.begin());
  }

  resume(): i32 {
    return this.end(this.tests.resume());
  }

  private end(result: i32): i32 {
    if (result == err.PENDING) return err.PENDING;
    if (this.tests.isUnrestored) this.report.endUnrestored(result);
    else if (result == err.E_INTERRUPTED) this.report.endInterrupted();
    else this.report.end();
    return result;
  }

  interrupt(): void {
    this.tests.interrupt();
  }
}

/** Index of the word `--tap`, or 0. */
function findTap(args: Args): i32 {
  for (let i = 1; i < args.count; ++i) {
    if (args.is(i, "--tap")) return i;
  }
  return 0;
}
