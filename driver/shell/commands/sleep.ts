/** sleep: waits, for whole seconds or parts of them. */
import * as host from "../../host";
import { E_ARGUMENT, E_INTERRUPTED, E_NUMBER, E_OK, E_OVERFLOW, PENDING } from "../../util/errors";
import { Args } from "../args";
import {
  AWAITS_NOTHING,
  AWAITS_TIME,
  Command,
  checkOperandCount,
  complain,
  fail,
  failAbove,
} from "../command";
import { out } from "../console";

const NS_PER_SECOND: u64 = 1_000_000_000;

/** A day: more is a mistake. */
const SECONDS_MAX: u64 = 86400;

/** Nearer to its end than this it does not leave the clock alone: a host may look in that late. */
const IDLE_NS: u64 = NS_PER_SECOND / 5;

const CHAR_0: u32 = 0x30;
const CHAR_DOT: u32 = 0x2e;

export class Sleep extends Command {
  private deadlineNs: u64;
  private isInterrupted: bool;

  name(): string {
    return "sleep";
  }

  operands(): string {
    return "<seconds>";
  }

  summary(): string {
    return "waits";
  }

  example(): string {
    return "sleep 0.5";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 1, 1) != E_OK) return E_ARGUMENT;
    const ns = parseSeconds(args.ptr(1), args.lengthBytes(1));
    if (ns < 0) {
      complain(args);
      out.text("seconds '").bytes(args.ptr(1), args.lengthBytes(1)).text("': ");
      return ns == E_OVERFLOW ? failAbove(SECONDS_MAX) : fail(<i32>ns);
    }
    this.isInterrupted = false;
    this.deadlineNs = host.clockNs() + ns;
    return PENDING;
  }

  resume(): i32 {
    if (this.isInterrupted) return E_INTERRUPTED;
    return host.clockNs() < this.deadlineNs ? PENDING : E_OK;
  }

  awaits(): i32 {
    const isLong = !this.isInterrupted && host.clockNs() + IDLE_NS < this.deadlineNs;
    return isLong ? AWAITS_TIME : AWAITS_NOTHING;
  }

  interrupt(): void {
    this.isInterrupted = true;
  }
}

/** `2` or `0.25` as nanoseconds; E_NUMBER, or E_OVERFLOW when it is more than a day. */
function parseSeconds(textPtr: usize, lengthBytes: usize): i64 {
  let seconds: u64 = 0;
  let ns: u64 = 0;
  let unit: u64 = 0;
  let digits = 0;
  for (let i: usize = 0; i < lengthBytes; ++i) {
    const char: u32 = load<u8>(textPtr + i);
    if (char == CHAR_DOT && unit == 0) {
      unit = NS_PER_SECOND;
      continue;
    }
    const digit: u64 = char - CHAR_0;
    if (digit >= 10) return E_NUMBER;
    digits += 1;
    if (unit > 0) {
      unit = max<u64>(unit / 10, 1);
      ns += digit * (unit > 1 ? unit : 0);
    } else seconds = min(seconds * 10 + digit, SECONDS_MAX + 1);
  }
  if (digits == 0) return E_NUMBER;
  return seconds > SECONDS_MAX ? E_OVERFLOW : seconds * NS_PER_SECOND + ns;
}
