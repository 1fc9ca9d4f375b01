/**
 * The shell: runs the boot arguments, then lines from the terminal.
 *
 * It is driven by bytes and slices and never waits. What is typed while a command runs is kept for
 * afterwards; only Ctrl-C is looked at at once.
 */
import * as host from "../host";
import { place, reserve } from "../util/arena";
import { E_INTERRUPTED, E_OK, PENDING, errorText } from "../util/errors";
import { isAnyRecovering } from "../blk/disks";
import { isSuccessor } from "../handover";
import { Args } from "./args";
import { AWAITS_NOTHING, AWAITS_TIME, CONFIRM, Command } from "./command";
import { unknownCommand } from "./commands/help";
import { BOLD, out } from "./console";
import { Completer } from "./completion";
import { Editor, LineEvent } from "./editor";
import { LINE_BYTES_MAX } from "./line";
import { noteFailure } from "./outcome";
import * as last from "./succession";
import { findCommand } from "./table";

/** Longest boot arguments, in bytes. */
const BOOT_ARGS_BYTES_MAX: usize = 4096;

/** Input kept while a command runs, in bytes; a power of two. */
const INPUT_BYTES: u32 = 4096;

const PROMPT: string = "tsblk> ";

/** For who presses Ctrl-D. */
const LEAVING: string = "'poweroff' ends the machine; Ctrl-A x ends QEMU";

const CTRL_C: u32 = 0x03;
const CHAR_BELL: u32 = 0x07;

export class Shell {
  private args!: Args;
  private editor!: Editor;
  private completer!: Completer;
  /** Whether the completion of a word is under way. */
  private isCompleting: bool;
  private command: Command | null;
  /** The command whose question waits for an answer. */
  private asked: Command | null;
  private linePtr: usize;
  private runsBootArgs: bool;
  private bootArgsPtr: usize;
  private bootArgsBytes: u32;
  /** What the driver before this one had is being put in order; the boot arguments wait. */
  private isRestoring: bool;
  private inputPtr: usize;
  private inputRead: u32;
  private inputWritten: u32;

  init(): void {
    this.args = place<Args>();
    this.args.init();
    this.editor = place<Editor>();
    this.editor.init();
    this.completer = place<Completer>();
    this.completer.init(this.editor.line);
    this.linePtr = reserve(LINE_BYTES_MAX, 16);
    this.bootArgsPtr = reserve(BOOT_ARGS_BYTES_MAX, 16);
    this.inputPtr = reserve(INPUT_BYTES, 16);
  }

  /**
   * Begins with the boot arguments when there are any, otherwise with the prompt. A driver that
   * takes the place of another goes on behind the command that was running.
   */
  begin(): void {
    last.initSuccession();
    this.runsBootArgs = true;
    const lengthBytes = host.bootArgs(this.bootArgsPtr, BOOT_ARGS_BYTES_MAX);
    if (<usize>lengthBytes <= BOOT_ARGS_BYTES_MAX) {
      this.bootArgsBytes = lengthBytes;
    } else {
      out
        .alarm()
        .text("boot arguments: more than ")
        .decimal(BOOT_ARGS_BYTES_MAX)
        .text(" bytes, none of them is run")
        .line();
      noteFailure();
    }
    if (isSuccessor()) return this.takeOver();
    last.succession().runsBootArgs = true;
    this.runBootArgs(0);
  }

  /** Runs the boot arguments from `offset` on. */
  private runBootArgs(offset: u32): void {
    this.args.setLine(this.bootArgsPtr + <usize>offset, this.bootArgsBytes - offset);
  }

  /** Puts in order what the last driver had, as far as it is known. */
  private takeOver(): void {
    const record = last.succession();
    if (!last.knowsLast() || record.bootOffset > this.bootArgsBytes) {
      out.text("what the last driver has left is damaged, nothing of it goes on").line();
      return noteFailure();
    }
    this.runsBootArgs = record.runsBootArgs;
    if (record.hasFailed || (record.runsBootArgs && record.commandBytes > 0)) noteFailure();
    last.printInterrupted();
    last.restoreChoices();
    last.endCommand();
    this.isRestoring = true;
    if (record.hasVolume) this.args.setLine(this.linePtr, last.mountCommand(this.linePtr));
  }

  private endRestoring(): void {
    this.isRestoring = false;
    if (this.runsBootArgs) this.runBootArgs(last.succession().bootOffset);
    else this.prompt();
  }

  /**
   * Keeps a byte from the terminal. Ctrl-C while a command runs ends the command and drops what was
   * typed before.
   */
  receive(byte: u32): void {
    if (byte == CTRL_C && this.isBusy()) this.interrupt();
    else if (this.inputWritten - this.inputRead == INPUT_BYTES) out.char(CHAR_BELL).flush();
    else {
      if (byte == CTRL_C && this.isCompleting) this.completer.cancel();
      store<u8>(this.inputPtr + (this.inputWritten % INPUT_BYTES), <u8>byte);
      this.inputWritten += 1;
    }
  }

  private isBusy(): bool {
    if (this.asked) return false;
    return this.command != null || this.args.hasMore() || this.runsBootArgs || this.isRestoring;
  }

  private interrupt(): void {
    out.text("^C").line();
    this.inputRead = this.inputWritten;
    this.args.dropLine();
    if (this.runsBootArgs) noteFailure();
    const command = this.command;
    if (command) command.interrupt();
  }

  /** One slice. Returns what the shell waits for, as `Command.awaits` does. */
  step(): i32 {
    const command = this.command;
    if (command) this.finish(command.resume(), command);
    else if (this.isCompleting) this.endCompletion(this.completer.resume());
    else if (this.asked) this.readInput();
    else if (isAnyRecovering()) return AWAITS_NOTHING;
    else if (this.args.hasMore()) this.runNext();
    else if (this.isRestoring) this.endRestoring();
    else if (this.runsBootArgs) this.endBootArgs();
    else this.readInput();
    out.flush();
    const waiting = this.command;
    if (waiting) return waiting.awaits();
    const hasMore = this.isBusy() || this.isCompleting || this.inputRead != this.inputWritten;
    return hasMore ? AWAITS_NOTHING : AWAITS_TIME;
  }

  private endBootArgs(): void {
    this.runsBootArgs = false;
    last.succession().runsBootArgs = false;
    last.writeRecord();
    this.prompt();
  }

  private prompt(): void {
    this.editor.begin(true);
    printPrompt();
  }

  /** Makes room for a line that is not the answer to a command. */
  beginNotice(): void {
    if (this.isBusy()) out.freshLine();
    else out.line();
  }

  /** Shows the line that is being typed again, or the question that is open. */
  endNotice(): void {
    if (this.isBusy()) return;
    const asked = this.asked;
    if (asked) printQuestion(asked);
    else printPrompt();
    this.editor.line.show();
    out.flush();
  }

  /** A second Tab has made a list: the line stands below it again. */
  private endCompletion(result: i32): void {
    this.isCompleting = result == PENDING;
    if (this.isCompleting || !this.completer.hasListed()) return;
    printPrompt();
    this.editor.line.show();
  }

  /** Feeds kept bytes to the editor, up to the end of a line. */
  private readInput(): void {
    while (this.inputRead != this.inputWritten) {
      const byte: u32 = load<u8>(this.inputPtr + (this.inputRead % INPUT_BYTES));
      this.inputRead += 1;
      const event = this.editor.feed(byte);
      if (event == LineEvent.COMPLETE) return this.endCompletion(this.completer.begin());
      this.completer.forget();
      if (event != LineEvent.NONE) return this.endLine(event);
    }
  }

  private endLine(event: LineEvent): void {
    const asked = this.asked;
    if (asked) return this.endAnswer(event, asked);
    const line = this.editor.line;
    if (event == LineEvent.LINE && line.lengthBytes > 0) {
      memory.copy(this.linePtr, line.ptr, line.lengthBytes);
      this.args.setLine(this.linePtr, line.lengthBytes);
      return;
    }
    if (event == LineEvent.LEAVE) out.text(LEAVING).line();
    if (event == LineEvent.TOO_LONG) {
      out
        .alarm()
        .text("the line is longer than ")
        .decimal(LINE_BYTES_MAX)
        .text(" bytes and was not run")
        .line();
    }
    this.prompt();
  }

  /** Asks before a command goes on; what is in the boot arguments is meant. */
  private ask(command: Command): void {
    if (this.runsBootArgs) {
      this.command = command;
      return;
    }
    printQuestion(command);
    this.editor.begin(false);
    this.asked = command;
  }

  private endAnswer(event: LineEvent, command: Command): void {
    this.asked = null;
    if (event == LineEvent.LINE && this.editor.line.holds("yes")) this.command = command;
    else {
      out.text(command.name()).text(": not done").line();
      this.args.dropLine();
      this.settle(E_INTERRUPTED);
    }
  }

  /** Runs the next command of the line. */
  private runNext(): void {
    const error = this.parseNext();
    if (error != E_OK) {
      out.alarm().text(errorText(error)).text(" in the line, the rest of it is not run").line();
      this.args.dropLine();
      return this.settle(error);
    }
    if (this.args.count == 0) return this.settle(E_OK);
    const command = findCommand(this.args, 0);
    if (!command) return this.settle(unknownCommand(this.args, 0));
    this.finish(command.run(this.args), command);
  }

  /** Parses the next command, and notes for a driver after this one that it runs. */
  private parseNext(): i32 {
    const startPtr = this.args.nextPtr;
    last.copyCommand(startPtr, this.args.restBytes());
    const error = this.args.parseCommand();
    if (this.runsBootArgs && !this.isRestoring) {
      last.succession().bootOffset = <u32>(this.args.nextPtr - this.bootArgsPtr);
    }
    last.noteCommand(this.args.nextPtr - startPtr);
    last.writeRecord();
    return error;
  }

  /** Keeps the command when it goes on, and closes it when it has ended. */
  private finish(result: i32, command: Command): void {
    if (result == CONFIRM) return this.ask(command);
    this.command = result == PENDING ? command : null;
    if (result != PENDING) this.settle(result);
  }

  /** After a command: counts a failure, and prompts at the end of a typed line. */
  private settle(result: i32): void {
    if (this.runsBootArgs && result != E_OK) noteFailure();
    last.endOwnCommand();
    const isAtEnd = !this.args.hasMore() && !this.runsBootArgs && !this.isRestoring;
    if (isAtEnd) this.prompt();
  }
}

function printPrompt(): void {
  out.paint(BOLD).text(PROMPT).plain();
}

function printQuestion(command: Command): void {
  command.printQuestion();
  out.text(" Type yes to go on: ");
}
