/** help: lists the commands with an example of each, or explains one. */
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { Args } from "../args";
import { ANY_FORM, Command, checkOperandCount, complain, printForms } from "../command";
import { out } from "../console";
import { commandAt, commandCount, findCommand, nearestCommand, titleAt } from "../table";

/** Columns of the list. */
const SUMMARY_COLUMN: i32 = 12;
const EXAMPLE_COLUMN: i32 = 53;

const CHAR_LF: i32 = 0x0a;

export class Help extends Command {
  name(): string {
    return "help";
  }

  operands(): string {
    return "[command]";
  }

  summary(): string {
    return "lists the commands, or explains one";
  }

  commandIndex(): i32 {
    return 1;
  }

  example(): string {
    return "help dd";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    if (args.count == 2) return this.describeOne(args);
    for (let i = 0; i < commandCount(); ++i) {
      if (titleAt(i).length > 0) out.text(titleAt(i)).line();
      printLine(commandAt(i));
    }
    out.text("'help dd' says all about dd. Numbers: 4096, 0x1000, 4k, 1M, 1G.").line();
    out.text("Quotes keep spaces together, ; separates commands, Tab completes words.").line();
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
  if (isLeaving(args, index)) out.text(", 'poweroff' ends the machine");
  else if (nearest) out.text(", did you mean '").text(nearest.name()).text("'?");
  else out.text(", 'help' lists them");
  out.line();
  return E_ARGUMENT;
}

/** What people type who want to leave. */
function isLeaving(args: Args, index: i32): bool {
  if (args.is(index, "exit") || args.is(index, "quit") || args.is(index, "logout")) return true;
  return args.is(index, "halt") || args.is(index, "shutdown");
}

/** The line of a command in the list: what it does, and an example. */
function printLine(command: Command): void {
  const name = command.name();
  const summary = command.summary();
  out
    .text("  ")
    .text(name)
    .pad(name.length, SUMMARY_COLUMN - 2);
  out.text(summary).pad(summary.length, EXAMPLE_COLUMN - SUMMARY_COLUMN);
  out.text(command.example()).line();
}

/** All about one command. */
function describe(command: Command): void {
  out.text(command.name()).text(": ").text(command.summary()).line();
  printForms(command, ANY_FORM);
  const details = command.details();
  for (let i = 0; i < details.length; ++i) {
    if (details.charCodeAt(i) == CHAR_LF) out.line();
    else out.char(details.charCodeAt(i));
  }
  if (details.length > 0) out.line();
  out.text("Example: ").text(command.example()).line();
}
