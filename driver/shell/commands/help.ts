/** help: lists the commands, or says how one is used. */
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { Args } from "../args";
import { Command, checkOperandCount, complain } from "../command";
import { out } from "../console";
import { commandAt, commandCount, findCommand, nearestCommand } from "../table";

/** Column where the summaries start. */
const SUMMARY_COLUMN: i32 = 40;

/** Forms of a command stand apart by " | ". */
const CHAR_SPACE: i32 = 0x20;
const CHAR_BAR: i32 = 0x7c;
const FORM_SEPARATOR_LENGTH: i32 = 3;

export class Help extends Command {
  name(): string {
    return "help";
  }

  operands(): string {
    return "[command]";
  }

  summary(): string {
    return "lists the commands, or says how one is used";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    if (args.count == 2) return this.describeOne(args);
    for (let i = 0; i < commandCount(); ++i) describe(commandAt(i));
    out
      .text("Numbers: 4096, 0x1000, 4k, 1M, 1G. Quotes keep spaces together, ; separates commands.")
      .line();
    return E_OK;
  }

  private describeOne(args: Args): i32 {
    const command = findCommand(args, 1);
    if (!command) {
      complain(args);
      return unknownCommand(args, 1);
    }
    describe(command);
    return E_OK;
  }
}

/** Ends an error line: there is no such command, and which one may have been meant. */
export function unknownCommand(args: Args, index: i32): i32 {
  out.alarm().text("unknown command '").bytes(args.ptr(index), args.lengthBytes(index)).text("'");
  const nearest = nearestCommand(args, index);
  if (nearest) out.text(", did you mean '").text(nearest.name()).text("'?");
  else out.text(", 'help' lists them");
  out.line();
  return E_ARGUMENT;
}

/** A line for each form of the command; the first one says what it does. */
function describe(command: Command): void {
  const forms = command.operands();
  let at = 0;
  do {
    const end = endOfForm(forms, at);
    out.text("  ").text(command.name()).char(0x20);
    for (let i = at; i < end; ++i) out.char(forms.charCodeAt(i));
    if (at == 0)
      out.pad(2 + command.name().length + 1 + end, SUMMARY_COLUMN).text(command.summary());
    out.line();
    at = end + FORM_SEPARATOR_LENGTH;
  } while (at < forms.length);
}

/** Where the form that starts at `at` ends. */
function endOfForm(forms: string, at: i32): i32 {
  for (; at < forms.length; ++at) {
    if (forms.charCodeAt(at) == CHAR_SPACE && forms.charCodeAt(at + 1) == CHAR_BAR) return at;
  }
  return at;
}
