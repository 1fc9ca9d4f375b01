/** dd: reads or writes a sector, or copies as GNU dd does. */
import { place } from "../../util/arena";
import { E_ARGUMENT } from "../../util/errors";
import { Args } from "../args";
import { Candidates } from "../candidates";
import { Command, complain, printUsage } from "../command";
import { out } from "../console";
import { CopyJob } from "../dd_copy";
import { offerSinks, offerSources } from "../dd_ends";
import { SectorJob } from "../dd_sector";

const OPERANDS: string = `read <sector> [dev]
write <sector> <string> [dev]
if=<source> of=<destination> [name=value]...`;

const DETAILS: string = `Sources: a disk, zero, pattern[:<seed>], random:<seed>, statefs:<key>
Destinations: a disk, null, hex, crc, statefs:<key>
Names, as GNU dd has them: bs= count= skip= seek= iseek= oseek=
  conv=fsync,notrunc,noerror,sync iflag=skip_bytes,count_bytes
  oflag=seek_bytes status=none|noxfer|progress`;

const CHAR_EQUALS: u8 = 0x3d;

export class Dd extends Command {
  private sector!: SectorJob;
  private copy!: CopyJob;
  private isCopy: bool;

  init(): void {
    this.sector = place<SectorJob>();
    this.sector.init();
    this.copy = place<CopyJob>();
    this.copy.init();
  }

  name(): string {
    return "dd";
  }

  operands(): string {
    return OPERANDS;
  }

  summary(): string {
    return "reads or writes a sector, or copies";
  }

  complete(words: Args, to: Candidates): void {
    if (to.enter("if=")) offerSources(to);
    else if (to.enter("of=")) offerSinks(to);
    else if (to.enter("conv=")) to.offerWords("fsync notrunc noerror sync");
    else if (to.enter("iflag=")) to.offerWords("skip_bytes count_bytes");
    else if (to.enter("oflag=")) to.offerWords("seek_bytes");
    else if (to.enter("status=")) to.offerWords("none noxfer progress");
    else this.completeName(words, to);
  }

  private completeName(words: Args, to: Candidates): void {
    const isSector = words.is(1, "read") || words.is(1, "write");
    if (words.count == 2) to.offerWords("read write");
    if (isSector) to.offerDisks();
    else to.offerWords("if= of= bs= count= skip= seek= iseek= oseek= conv= iflag= oflag= status=");
  }

  example(): string {
    return "dd if=vda of=vdb bs=1M";
  }

  details(): string {
    return DETAILS;
  }

  run(args: Args): i32 {
    this.isCopy = false;
    if (args.is(1, "read")) return this.sector.runRead(args, this);
    if (args.is(1, "write")) return this.sector.runWrite(args, this);
    if (args.count > 1 && hasEquals(args, 1)) {
      this.isCopy = true;
      return this.copy.run(args);
    }
    complain(args);
    if (args.count == 1) out.text("missing operand");
    else out.text("unknown operation '").bytes(args.ptr(1), args.lengthBytes(1)).text("'");
    printUsage(this);
    return E_ARGUMENT;
  }

  resume(): i32 {
    return this.isCopy ? this.copy.resume() : this.sector.resume();
  }

  awaits(): i32 {
    return this.copy.awaits();
  }

  interrupt(): void {
    if (this.isCopy) this.copy.interrupt();
    else this.sector.interrupt();
  }
}

function hasEquals(args: Args, index: i32): bool {
  for (let i: usize = 0; i < args.lengthBytes(index); ++i) {
    if (load<u8>(args.ptr(index) + i) == CHAR_EQUALS) return true;
  }
  return false;
}
