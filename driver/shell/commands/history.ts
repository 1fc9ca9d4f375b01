/** history: shows the lines that the arrow keys bring back. */
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { Args } from "../args";
import { Command, checkOperandCount } from "../command";
import { printHistory } from "../history";

export class History extends Command {
  name(): string {
    return "history";
  }

  operands(): string {
    return "";
  }

  summary(): string {
    return "shows the last lines";
  }

  example(): string {
    return "history";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 0) != E_OK) return E_ARGUMENT;
    printHistory();
    return E_OK;
  }
}
