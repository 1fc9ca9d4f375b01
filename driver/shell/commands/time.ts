/** time: runs a command and says how long it took. */
import * as host from "../../host";
import { E_ARGUMENT, PENDING } from "../../util/errors";
import { Args } from "../args";
import { CONFIRM } from "../command";
import { out } from "../console";
import { printSeconds } from "../dd_report";
import { Wrapper } from "../wrapper";

export class Time extends Wrapper {
  private startNs: u64;

  name(): string {
    return "time";
  }

  operands(): string {
    return "<command>";
  }

  summary(): string {
    return "runs a command and says how long it took";
  }

  commandIndex(): i32 {
    return 1;
  }

  example(): string {
    return "time crc 0 2048";
  }

  run(args: Args): i32 {
    if (!this.findChild(args, 1)) return E_ARGUMENT;
    this.startNs = host.clockNs();
    const result = this.runChild(args);
    // The time of the question does not count
    if (result == CONFIRM) this.startNs = 0;
    return this.end(result);
  }

  resume(): i32 {
    if (this.startNs == 0) this.startNs = host.clockNs();
    return this.end(this.child.resume());
  }

  private end(result: i32): i32 {
    if (result == PENDING || result == CONFIRM) return result;
    out.text("time: ");
    printSeconds(host.clockNs() - this.startNs);
    out.text(" s").line();
    return result;
  }
}
