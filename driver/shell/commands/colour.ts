/** colour: whether errors, results and the prompt are coloured; they are when a user says so. */
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { Args } from "../args";
import { Command, checkOperandCount, complain, printUsage } from "../command";
import { out } from "../console";

export class Colour extends Command {
  name(): string {
    return "colour";
  }

  operands(): string {
    return "[on|off]";
  }

  summary(): string {
    return "shows or sets whether output is coloured";
  }

  choices(): string {
    return "on off";
  }

  example(): string {
    return "colour on";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    const isOn = args.is(1, "on");
    if (args.count == 2 && !isOn && !args.is(1, "off")) {
      complain(args);
      out.text("'").bytes(args.ptr(1), args.lengthBytes(1)).text("' is neither on nor off");
      printUsage(this);
      return E_ARGUMENT;
    }
    if (args.count == 2) out.isColoured = isOn;
    else out.text(out.isColoured ? "on" : "off").line();
    return E_OK;
  }
}
