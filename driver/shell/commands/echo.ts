/** echo: prints its operands. */
import { E_OK } from "../../util/errors";
import { Args } from "../args";
import { Command } from "../command";
import { out } from "../console";

export class Echo extends Command {
  name(): string {
    return "echo";
  }

  operands(): string {
    return "[text]...";
  }

  summary(): string {
    return "prints text";
  }

  example(): string {
    return "echo one two";
  }

  run(args: Args): i32 {
    for (let i = 1; i < args.count; ++i) {
      if (i > 1) out.text(" ");
      out.bytes(args.ptr(i), args.lengthBytes(i));
    }
    out.line();
    return E_OK;
  }
}
