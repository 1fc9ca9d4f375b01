/** poweroff: flushes every disk and ends the machine with an exit status. */
import { diskCount } from "../../blk/disks";
import * as host from "../../host";
import { place } from "../../util/arena";
import { E_ARGUMENT, E_OK, PENDING } from "../../util/errors";
import { Args } from "../args";
import { Command, checkOperandCount, complain, failAbove, numberOperand } from "../command";
import { out } from "../console";
import { Flusher } from "../flusher";
import { exitStatus, noteFailure } from "../outcome";

const EXIT_STATUS_MAX: i64 = 255;

export class Poweroff extends Command {
  private flusher!: Flusher;
  /** The status that was asked for, or -1. */
  private status: i64;

  init(): void {
    this.flusher = place<Flusher>();
    this.flusher.init();
  }

  name(): string {
    return "poweroff";
  }

  operands(): string {
    return "[code]";
  }

  summary(): string {
    return "flushes every disk and ends the machine";
  }

  example(): string {
    return "poweroff";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    this.status = args.count == 2 ? numberOperand(args, 1, "code") : -1;
    if (args.count == 2 && this.status < 0) return E_ARGUMENT;
    if (this.status > EXIT_STATUS_MAX) {
      complain(args);
      out.text("code ").decimal(this.status).text(": ");
      return failAbove(EXIT_STATUS_MAX);
    }
    this.flusher.begin(this.name(), 0, diskCount());
    return this.resume();
  }

  resume(): i32 {
    const result = this.flusher.resume();
    if (result == PENDING) return PENDING;
    if (result != E_OK) noteFailure();
    out.flush();
    host.powerOff(this.status >= 0 ? <u32>this.status : exitStatus());
    return E_OK;
  }
}
