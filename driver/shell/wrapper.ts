/**
 * A command that runs another one, which is named by its own operands: `time`, `repeat`.
 *
 * There is one instance of each command, so none of these runs itself, not by way of another one
 * either.
 */
import { Args } from "./args";
import { Command, complain, printUsage } from "./command";
import { unknownCommand } from "./commands/help";
import { out } from "./console";
import { findCommand } from "./table";

/** The one that is running another one just now. */
let outer: Wrapper | null = null;

export abstract class Wrapper extends Command {
  protected child!: Command;
  private childPosition: i32;

  /** Finds the command in operand `index`. False when it cannot be run, which has been said. */
  protected findChild(args: Args, index: i32): bool {
    if (args.count <= index) {
      complain(args);
      out.text("missing operand");
      printUsage(this);
      return false;
    }
    const child = findCommand(args, index);
    if (!child) {
      complain(args);
      unknownCommand(args, index);
      return false;
    }
    if (child == this || child == outer) {
      complain(args);
      out.text("does not run itself").line();
      return false;
    }
    this.child = child;
    this.childPosition = args.position() + index;
    return true;
  }

  /** Runs the command that has been found. */
  protected runChild(args: Args): i32 {
    const before = outer;
    outer = this;
    const position = args.position();
    args.moveTo(this.childPosition);
    const result = this.child.run(args);
    args.moveTo(position);
    outer = before;
    return result;
  }

  printQuestion(): void {
    this.child.printQuestion();
  }

  awaits(): i32 {
    return this.child.awaits();
  }

  interrupt(): void {
    this.child.interrupt();
  }
}
