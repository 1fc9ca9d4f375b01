/** diagnose: what can be known about a disk that does not answer, and the likely causes. */
import { E_ARGUMENT, E_OK } from "../../util/errors";
import { Args } from "../args";
import { Command, anyDiskOperand, checkOperandCount } from "../command";
import { explain, initDiagnosis } from "../diagnosis";

export class Diagnose extends Command {
  init(): void {
    initDiagnosis();
  }

  name(): string {
    return "diagnose";
  }

  operands(): string {
    return "[dev]";
  }

  summary(): string {
    return "explains a disk that does not answer";
  }

  example(): string {
    return "diagnose vda";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    const disk = anyDiskOperand(args, 1);
    if (!disk) return E_ARGUMENT;
    explain(disk);
    return E_OK;
  }
}
