/**
 * selftest: everything that can be tested from within, with a marker a line for a script:
 *
 *   SELFTEST: <name> ok
 *   SELFTEST: <name> fail <cause>
 *   SELFTEST: <name> skip <cause>
 *
 * and at the end `SELFTEST: all ok` or `SELFTEST: all fail <count> of <count>`. The disk is left as
 * it was, but for the key `selftest/boots` where there is a StateFS.
 */
import { checksum } from "../../io/checksum";
import * as host from "../../host";
import { place, reserve } from "../../util/arena";
import { crc32c } from "../../util/crc32c";
import * as err from "../../util/errors";
import { Args } from "../args";
import { failTooSmall, printUnrestored } from "../blktest_report";
import { DiskTestRun, TestObserver } from "../blktest_run";
import { SKIPPED, TEST_COUNT, testMarker } from "../blktest_tests";
import { bulkFor } from "../bulk";
import { Command, checkOperandCount, diskOperand } from "../command";
import { out } from "../console";
import { KeyTest } from "../selftest_keys";

const CHECK_DIGITS: u32 = 9;
const CHECK_VALUE: u32 = 0xe3069283;

/** Readings of the clock within which it must have gone on. */
const CLOCK_READINGS: i32 = 100_000;

/** Prints and counts markers. */
class Markers extends TestObserver {
  okCount: u32;
  failedCount: u32;
  private tests!: DiskTestRun;

  init(tests: DiskTestRun): void {
    this.tests = tests;
  }

  begin(): void {
    this.okCount = 0;
    this.failedCount = 0;
  }

  tested(test: i32, result: i32): void {
    if (result == SKIPPED) this.skip(testMarker(test), this.tests.skipReason());
    else this.mark(testMarker(test), result);
  }

  mark(name: string, result: i32): void {
    printMarker(name, result == err.E_OK ? "ok" : "fail");
    if (result != err.E_OK) out.text(" ").text(err.errorText(result));
    out.line();
    if (result == err.E_OK) this.okCount += 1;
    else this.failedCount += 1;
  }

  skip(name: string, cause: string): void {
    printMarker(name, "skip");
    out.text(" ").text(cause).line();
  }
}

export class Selftest extends Command {
  private tests!: DiskTestRun;
  private markers!: Markers;
  private keys!: KeyTest;
  private digitsPtr: usize;
  private isKeyTest: bool;

  init(): void {
    this.tests = place<DiskTestRun>();
    this.markers = place<Markers>();
    this.tests.init(this.markers);
    this.markers.init(this.tests);
    this.keys = place<KeyTest>();
    this.keys.init();
    this.digitsPtr = reserve(CHECK_DIGITS, 1);
    for (let i: u32 = 0; i < CHECK_DIGITS; ++i) store<u8>(this.digitsPtr + i, <u8>(0x31 + i));
  }

  name(): string {
    return "selftest";
  }

  operands(): string {
    return "[dev]";
  }

  summary(): string {
    return "tests clock, sums, keys and a disk";
  }

  example(): string {
    return "selftest vda";
  }

  details(): string {
    return `Prints SELFTEST: <name> ok, or fail or skip with the cause, and at last
SELFTEST: all ok. The disk stays as it was. In the StateFS that is mounted, or
at the beginning of the disk, it counts boots in the key selftest/boots, and
'persistence' tells whether what an earlier boot stored is found again.`;
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != err.E_OK) return err.E_ARGUMENT;
    const disk = diskOperand(args, 1);
    if (!disk) return err.E_ARGUMENT;
    const bulkPtr = bulkFor(this.name());
    if (bulkPtr == 0) return err.E_RESET;
    if (!this.tests.prepare(disk, bulkPtr)) return failTooSmall(this.name(), disk);
    this.markers.begin();
    this.markers.mark("clock", testClock());
    this.markers.mark("crc32c", this.testSums());
    this.isKeyTest = true;
    return this.endKeys(this.keys.begin(disk, bulkPtr));
  }

  /** The host's sum, or the module's where it lends none, and the module's. */
  private testSums(): i32 {
    const isRight =
      checksum(0, this.digitsPtr, CHECK_DIGITS) == CHECK_VALUE &&
      crc32c(0, this.digitsPtr, CHECK_DIGITS) == CHECK_VALUE;
    return isRight ? err.E_OK : err.E_DIFFERENT;
  }

  resume(): i32 {
    if (this.isKeyTest) return this.endKeys(this.keys.resume());
    return this.end(this.tests.resume());
  }

  private endKeys(result: i32): i32 {
    if (result == err.PENDING) return result;
    if (result == err.E_INTERRUPTED) return this.end(result);
    this.isKeyTest = false;
    this.markKey("persistence", this.keys.foundResult);
    this.markKey("statefs", this.keys.storedResult);
    return this.end(this.tests.begin());
  }

  /** What cannot be is no failure. */
  private markKey(name: string, result: i32): void {
    const isNone = result == err.E_NO_FORMAT || result == err.E_NO_KEY;
    if (result == err.E_NO_KEY) this.markers.skip(name, "no earlier boot has stored anything");
    else if (isNone || result == err.E_READ_ONLY || result == err.E_NO_FLUSH) {
      this.markers.skip(name, err.errorText(result));
    } else this.markers.mark(name, result);
  }

  private end(result: i32): i32 {
    if (result == err.PENDING) return err.PENDING;
    const markers = this.markers;
    if (this.tests.isUnrestored) {
      printMarker("restore", "fail ");
      printUnrestored(this.tests, result);
    } else if (result == err.E_INTERRUPTED) {
      printMarker("all", "fail interrupted");
      out.line();
      return result;
    } else if (this.tests.tests.hasWritten) markers.mark("restore", err.E_OK);
    if (result == err.E_OK && markers.failedCount > 0) result = err.E_IO;
    printMarker("all", result == err.E_OK ? "ok" : "fail");
    if (result != err.E_OK) {
      out.text(" ").decimal(markers.failedCount).text(" of ");
      out.decimal(markers.failedCount + markers.okCount);
    }
    out.line();
    return result;
  }

  interrupt(): void {
    if (this.isKeyTest) this.keys.cancel();
    else this.tests.interrupt();
  }
}

/** `SELFTEST: name ok`, without the end of the line. */
function printMarker(name: string, verdict: string): void {
  out.text("SELFTEST: ").text(name).text(" ").text(verdict);
}

/** The clock goes on, and never back. */
function testClock(): i32 {
  const startNs = host.clockNs();
  for (let i = 0; i < CLOCK_READINGS; ++i) {
    const nowNs = host.clockNs();
    if (nowNs != startNs) return nowNs > startNs ? err.E_OK : err.E_DIFFERENT;
  }
  return err.E_TIMEOUT;
}
