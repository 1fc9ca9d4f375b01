/**
 * cache: shows or switches the write policy of a disk (CONFIG_WCE, §5.2.6.1).
 *
 * Switching to synchronous writes does not make earlier writes stable, so they are flushed first.
 */
import { BlkDevice } from "../../blk/device";
import { VIRTIO_BLK_F_CONFIG_WCE, VIRTIO_BLK_F_FLUSH } from "../../blk/layout";
import { place } from "../../util/arena";
import { E_ARGUMENT, E_BUSY, E_CONFIG, E_NOT_OFFERED, E_OK } from "../../util/errors";
import { Args } from "../args";
import {
  Command,
  checkOperandCount,
  complain,
  diskOperand,
  fail,
  printDiskName,
  printUsage,
} from "../command";
import { out } from "../console";
import { writePolicy } from "../disk_text";
import { Flusher } from "../flusher";

export class Cache extends Command {
  private disk!: BlkDevice;
  private flusher!: Flusher;

  init(): void {
    this.flusher = place<Flusher>();
    this.flusher.init();
  }

  name(): string {
    return "cache";
  }

  operands(): string {
    return "[dev] [writeback|writethrough]";
  }

  summary(): string {
    return "shows or sets what becomes of writes";
  }

  choices(): string {
    return "writeback writethrough";
  }

  example(): string {
    return "cache vda writethrough";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 2) != E_OK) return E_ARGUMENT;
    const last = args.count - 1;
    const isWriteback = last > 0 && args.is(last, "writeback");
    const isWritethrough = last > 0 && args.is(last, "writethrough");
    const hasPolicy = isWriteback || isWritethrough;
    if (last == 2 && !hasPolicy) return this.refusePolicy(args);
    const hasDisk = last == 2 || (last == 1 && !hasPolicy);
    const disk = diskOperand(args, hasDisk ? 1 : args.count);
    if (!disk) return E_ARGUMENT;
    this.disk = disk;
    if (!hasPolicy) return this.show();
    const error = this.check();
    if (error != E_OK) return this.failHere(error);
    if (isWriteback || !disk.has(VIRTIO_BLK_F_FLUSH)) return this.set(isWriteback);
    this.flusher.begin(this.name(), disk.index, disk.index + 1);
    return this.resume();
  }

  private refusePolicy(args: Args): i32 {
    complain(args);
    out.text("'").bytes(args.ptr(2), args.lengthBytes(2)).text("' is not a policy");
    printUsage(this);
    return E_ARGUMENT;
  }

  /** The policy is not switched while writes are in flight (§5.2.6.2). */
  private check(): i32 {
    if (!this.disk.has(VIRTIO_BLK_F_CONFIG_WCE)) return E_NOT_OFFERED;
    return this.disk.queue.inFlightCount > 0 ? E_BUSY : E_OK;
  }

  resume(): i32 {
    const result = this.flusher.resume();
    return result == E_OK ? this.set(false) : result;
  }

  private set(isWriteback: bool): i32 {
    if (!this.disk.setWriteCache(isWriteback)) return this.failHere(E_CONFIG);
    return this.show();
  }

  private show(): i32 {
    printDiskName(this.disk);
    out.text(": ").text(writePolicy(this.disk)).line();
    return E_OK;
  }

  private failHere(error: i32): i32 {
    out.text("cache: ");
    printDiskName(this.disk);
    out.text(": ");
    return fail(error);
  }
}
