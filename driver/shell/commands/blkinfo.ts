/** blkinfo: all that is known about one disk. */
import { RangeLimits } from "../../blk/config";
import { BlkDevice } from "../../blk/device";
import {
  LIFETIME_BYTES,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_LIFETIME,
  VIRTIO_BLK_F_SECURE_ERASE,
  VIRTIO_BLK_F_TOPOLOGY,
  VIRTIO_BLK_F_WRITE_ZEROES,
  VIRTIO_BLK_T_GET_LIFETIME,
  blkFeatureName,
} from "../../blk/layout";
import { Waiter } from "../../blk/waiter";
import { place } from "../../util/arena";
import { E_ARGUMENT, E_OK, PENDING, errorText } from "../../util/errors";
import { virtioFeatureName } from "../../virtio/layout";
import { Args } from "../args";
import { Command, anyDiskOperand, checkOperandCount, printDiskName } from "../command";
import { Console, out } from "../console";
import { printCapacity, writePolicy } from "../disk_text";

const VALUE_COLUMN: i32 = 18;

export class Blkinfo extends Command {
  private disk!: BlkDevice;
  private waiter!: Waiter;

  init(): void {
    this.waiter = place<Waiter>();
  }

  name(): string {
    return "blkinfo";
  }

  operands(): string {
    return "[dev]";
  }

  summary(): string {
    return "shows all that is known about a disk";
  }

  example(): string {
    return "blkinfo vda";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    const disk = anyDiskOperand(args, 1);
    if (!disk) return E_ARGUMENT;
    this.disk = disk;
    printIdentity(disk);
    if (disk.health == E_OK) {
      printShape(disk);
      printTopology(disk);
      printLimits(disk);
    }
    label("accepted");
    printFeatures(disk.accepted);
    label("declined");
    printFeatures(disk.offered & ~disk.accepted);
    return this.askLifetime();
  }

  /** Wear is not in the configuration, it is asked for. */
  private askLifetime(): i32 {
    const disk = this.disk;
    if (disk.health != E_OK || !disk.has(VIRTIO_BLK_F_LIFETIME)) return E_OK;
    const type = VIRTIO_BLK_T_GET_LIFETIME;
    return this.finish(this.waiter.send(disk, type, 0, disk.blockPtr, LIFETIME_BYTES));
  }

  resume(): i32 {
    return this.finish(this.waiter.result());
  }

  private finish(result: i32): i32 {
    if (result == PENDING) return PENDING;
    label("wear");
    if (result == E_OK) printLifetime(this.disk.blockPtr);
    else out.text("not known: ").text(errorText(result)).line();
    return E_OK;
  }
}

function printIdentity(disk: BlkDevice): void {
  label("disk");
  printDiskName(disk);
  out.line();
  label("transport").text(disk.transport.describe()).line();
  if (disk.health != E_OK) label("not usable").text(errorText(disk.health)).line();
}

function printShape(disk: BlkDevice): void {
  label("capacity");
  printCapacity(disk);
  out.line();
  printBytes("block size", disk.config.blockBytes);
  label("access").text(disk.isReadOnly() ? "read-only" : "read and write");
  out.line();
  label("writes").text(writePolicy(disk)).line();
}

function printTopology(disk: BlkDevice): void {
  if (!disk.has(VIRTIO_BLK_F_TOPOLOGY)) return;
  const config = disk.config;
  printBytes("physical block", config.physicalBlockBytes);
  printBytes("alignment offset", config.alignmentOffsetBytes);
  printBytes("minimal I/O", config.minimalIoBytes);
  printBytes("optimal I/O", config.optimalIoBytes);
}

function printLimits(disk: BlkDevice): void {
  printBytes("largest chain", disk.config.chainBytesMax);
  const queue = disk.queue;
  label("queue").decimal(queue.size).text(" entries, ").decimal(queue.chainCount);
  out.text(queue.isIndirect ? " indirect" : "").text(" chains of up to ");
  out.decimal(queue.dataCount).text(" buffers").line();
  if (disk.has(VIRTIO_BLK_F_DISCARD)) printRanges("discard", disk.config.discard);
  if (disk.has(VIRTIO_BLK_F_WRITE_ZEROES)) printRanges("zero", disk.config.writeZeroes);
  if (disk.has(VIRTIO_BLK_F_SECURE_ERASE)) printRanges("erase", disk.config.secureErase);
}

function printRanges(text: string, limits: RangeLimits): void {
  label(text).text("up to ").decimal(limits.rangesMax).text(" x ").decimal(limits.sectorsMax);
  out.text(" sectors, alignment ").decimal(limits.alignment).line();
}

function printBytes(text: string, bytes: u64): void {
  label(text).decimal(bytes).text(" bytes").line();
}

/** What GET_LIFETIME has read: three u16, the estimates in steps of ten per cent (§5.2.6). */
function printLifetime(ptr: usize): void {
  out.text("reserve ").text(reserveText(load<u16>(ptr)));
  out.text(", used type A ").decimal(<u64>load<u16>(ptr, 2) * 10);
  out
    .text(" %, type B ")
    .decimal(<u64>load<u16>(ptr, 4) * 10)
    .text(" %")
    .line();
}

function reserveText(preEolInfo: u32): string {
  switch (preEolInfo) {
    case 1:
      return "normal";
    case 2:
      return "80 % used";
    case 3:
      return "90 % used";
    default:
      return "unknown";
  }
}

function label(text: string): Console {
  return out.text(text).pad(text.length, VALUE_COLUMN);
}

/** The names of the bits that are set, `bit n` for those that the specification has no name for. */
function printFeatures(features: u64): void {
  if (features == 0) out.text("none");
  for (let bit = 0, isFirst = true; bit < 64; ++bit) {
    if (!((features >> bit) & 1)) continue;
    if (!isFirst) out.text(" ");
    isFirst = false;
    printFeature(bit);
  }
  out.line();
}

function printFeature(bit: i32): void {
  const blkName = blkFeatureName(bit);
  const name = blkName.length > 0 ? blkName : virtioFeatureName(bit);
  if (name.length > 0) out.text(name);
  else out.text("bit").decimal(bit);
}
