/**
 * Runs the tests of a disk one after another: saves what they overwrite before, and puts it back
 * at the end, also when a test has failed or Ctrl-C has come; then reads it again and compares.
 */
import { BlkDevice } from "../blk/device";
import { place } from "../util/arena";
import { sameBytes } from "../util/bytes";
import * as err from "../util/errors";
import { SCRATCH_BYTES_MIN, SKIPPED, TEST_COUNT, Tests } from "./blktest_tests";

const COMPARE_BYTES: u32 = 128 << 10;

/** What is being done. */
enum Phase {
  SAVING,
  TESTING,
  RESTORING,
  READING,
  COMPARING,
}

/** Who is told how a test has ended. */
export abstract class TestObserver {
  /** E_OK, SKIPPED, or why test number `test` has failed. */
  abstract tested(test: i32, result: i32): void;
}

export class DiskTestRun {
  disk!: BlkDevice;
  tests!: Tests;
  passedCount: u32;
  failedCount: u32;
  skippedCount: u32;
  /** Whether what was overwritten is not known to be there again; `resume` has said why. */
  isUnrestored: bool;
  private observer!: TestObserver;
  private phase: Phase;
  private test: i32;
  private isWaiting: bool;
  private isInterrupted: bool;
  private comparedBytes: u32;

  init(observer: TestObserver): void {
    this.observer = observer;
    this.tests = place<Tests>();
    this.tests.init();
  }

  /** Chooses disk and memory. False when the disk is too small. */
  prepare(disk: BlkDevice, bulkPtr: usize): bool {
    this.disk = disk;
    this.tests.prepare(disk, bulkPtr);
    return this.tests.scratchBytes >= SCRATCH_BYTES_MIN;
  }

  /** PENDING. */
  begin(): i32 {
    const tests = this.tests;
    this.test = 0;
    this.isInterrupted = false;
    this.isUnrestored = false;
    this.passedCount = 0;
    this.failedCount = 0;
    this.skippedCount = 0;
    this.phase = Phase.SAVING;
    const result = tests.io.read(
      this.disk,
      tests.scratchOffset,
      tests.savedPtr,
      tests.scratchBytes,
    );
    return result == err.PENDING ? result : this.endSaving(result);
  }

  /** PENDING, then E_OK, E_IO when a test has failed, E_INTERRUPTED, or why nothing is restored. */
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
    this.count(result);
    this.observer.tested(this.test, result);
    this.test += 1;
    this.tests.begin();
    return this.test < TEST_COUNT ? err.PENDING : this.restore();
  }

  private isBusy(): bool {
    return this.isWaiting && this.tests.io.result() == err.PENDING;
  }

  private count(result: i32): void {
    if (result == err.E_OK) this.passedCount += 1;
    else if (result == SKIPPED) this.skippedCount += 1;
    else this.failedCount += 1;
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

  private endUnrestored(error: i32): i32 {
    this.isUnrestored = true;
    return error;
  }

  private end(): i32 {
    if (this.isInterrupted) return err.E_INTERRUPTED;
    return this.failedCount == 0 ? err.E_OK : err.E_IO;
  }

  /** Tests that have come to their end. */
  doneCount(): i32 {
    return this.test;
  }

  /** Why a test has been left out. */
  skipReason(): string {
    return err.errorText(this.disk.isReadOnly() ? err.E_READ_ONLY : err.E_NOT_OFFERED);
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.isInterrupted = true;
    if (this.phase == Phase.SAVING || this.phase == Phase.TESTING) this.tests.io.cancel();
  }
}
