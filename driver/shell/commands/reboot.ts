/** reboot: flushes every disk and restarts the machine. */
import { diskCount } from "../../blk/disks";
import * as host from "../../host";
import { place } from "../../util/arena";
import { E_ARGUMENT, E_OK, PENDING } from "../../util/errors";
import { Args } from "../args";
import { Command, checkOperandCount } from "../command";
import { out } from "../console";
import { Flusher } from "../flusher";

export class Reboot extends Command {
  private flusher!: Flusher;

  init(): void {
    this.flusher = place<Flusher>();
    this.flusher.init();
  }

  name(): string {
    return "reboot";
  }

  operands(): string {
    return "";
  }

  summary(): string {
    return "flushes every disk and restarts";
  }

  example(): string {
    return "reboot";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 0) != E_OK) return E_ARGUMENT;
    this.flusher.begin(this.name(), 0, diskCount());
    return this.resume();
  }

  resume(): i32 {
    if (this.flusher.resume() == PENDING) return PENDING;
    out.flush();
    host.reboot();
    return E_OK;
  }
}
