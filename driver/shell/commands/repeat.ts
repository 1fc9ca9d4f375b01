/** repeat: runs a command several times, up to the first time that it fails. */
import { E_ARGUMENT, E_INTERRUPTED, E_OK, PENDING } from "../../util/errors";
import { Args } from "../args";
import { AWAITS_NOTHING, CONFIRM, numberOperand } from "../command";
import { out } from "../console";
import { Wrapper } from "../wrapper";

/** Where the command is among the operands. */
const CHILD: i32 = 2;

export class Repeat extends Wrapper {
  private args!: Args;
  private doneCount: u64;
  private count: u64;
  private isRunning: bool;
  private isInterrupted: bool;

  name(): string {
    return "repeat";
  }

  operands(): string {
    return "<n> <command>";
  }

  summary(): string {
    return "runs a command several times";
  }

  commandIndex(): i32 {
    return CHILD;
  }

  example(): string {
    return "repeat 3 dd read 7";
  }

  run(args: Args): i32 {
    if (!this.findChild(args, CHILD)) return E_ARGUMENT;
    const count = numberOperand(args, 1, "count");
    if (count < 0) return E_ARGUMENT;
    this.args = args;
    this.count = count;
    this.doneCount = 0;
    this.isInterrupted = false;
    this.isRunning = false;
    return count == 0 ? E_OK : this.begin();
  }

  private begin(): i32 {
    this.isRunning = true;
    return this.end(this.runChild(this.args));
  }

  /** One run in a slice; who has said yes to the first has said it to all. */
  resume(): i32 {
    if (this.isRunning) return this.end(this.child.resume());
    const result = this.begin();
    return result == CONFIRM ? PENDING : result;
  }

  private end(result: i32): i32 {
    if (result == PENDING || result == CONFIRM) return result;
    this.isRunning = false;
    if (result == E_OK) this.doneCount += 1;
    if (result == E_OK && this.doneCount == this.count) return E_OK;
    if (result == E_OK && !this.isInterrupted) return PENDING;
    out.text("repeat: ended after ").decimal(this.doneCount).text(" of ");
    out.decimal(this.count).text(" times").line();
    return result == E_OK ? E_INTERRUPTED : result;
  }

  awaits(): i32 {
    return this.isRunning ? this.child.awaits() : AWAITS_NOTHING;
  }

  interrupt(): void {
    this.isInterrupted = true;
    if (this.isRunning) this.child.interrupt();
  }
}
