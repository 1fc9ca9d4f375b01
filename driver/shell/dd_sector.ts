/**
 * `dd read` and `dd write`: one sector.
 *
 * A disk whose blocks are larger than a sector gets whole blocks: a write then reads the block,
 * changes the sector in it and writes it back.
 */
import { BlkDevice } from "../blk/device";
import { Waiter } from "../blk/waiter";
import { place } from "../util/arena";
import { SECTOR_BYTES, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from "../blk/layout";
import {
  E_ARGUMENT,
  E_INTERRUPTED,
  E_OK,
  E_RANGE,
  E_READ_ONLY,
  E_TOO_LONG,
  E_UTF8,
  PENDING,
} from "../util/errors";
import { isUtf8 } from "../util/utf8";
import { Args } from "./args";
import {
  Command,
  checkOperandCount,
  complain,
  diskOperand,
  fail,
  numberOperand,
  printDiskName,
} from "./command";
import { out } from "./console";

/** Bytes of a sector that `dd read` shows. */
const SHOWN_BYTES: u32 = 16;

/** What the request in flight is for. */
enum Step {
  READ,
  READ_TO_CHANGE,
  WRITE,
}

export class SectorJob {
  private disk!: BlkDevice;
  private lba: u64;
  private textPtr: usize;
  private textBytes: u32;
  private step: Step;
  private waiter!: Waiter;
  private isInterrupted: bool;

  init(): void {
    this.waiter = place<Waiter>();
  }

  /** `dd read ...` */
  runRead(args: Args, command: Command): i32 {
    this.isInterrupted = false;
    if (checkOperandCount(args, command, 2, 3) != E_OK) return E_ARGUMENT;
    if (!this.takePlace(args, 3)) return E_ARGUMENT;
    return this.transfer(Step.READ);
  }

  /** `dd write ...` */
  runWrite(args: Args, command: Command): i32 {
    this.isInterrupted = false;
    if (hasLooseText(args)) return refuseLooseText(args);
    if (checkOperandCount(args, command, 3, 4) != E_OK) return E_ARGUMENT;
    if (!this.takePlace(args, 4)) return E_ARGUMENT;
    this.textPtr = args.ptr(3);
    this.textBytes = <u32>args.lengthBytes(3);
    // Said before anything is sent, also where the block would have to be read first
    if (this.disk.isReadOnly()) return this.failHere("write", E_READ_ONLY);
    if (this.textBytes > SECTOR_BYTES) return this.failLong();
    if (!isUtf8(this.textPtr, this.textBytes)) return this.failHere("write", E_UTF8);
    if (this.disk.config.blockBytes > SECTOR_BYTES) return this.transfer(Step.READ_TO_CHANGE);
    return this.change();
  }

  /**
   * Takes the sector and the disk from the operands. False when they are wrong, which has been said
   * then.
   */
  private takePlace(args: Args, diskIndex: i32): bool {
    const lba = numberOperand(args, 2, "sector");
    if (lba < 0) return false;
    const disk = diskOperand(args, diskIndex);
    if (!disk) return false;
    this.lba = <u64>lba;
    this.disk = disk;
    return true;
  }

  /** `dd: the text has 513 bytes, a sector has 512` */
  private failLong(): i32 {
    out.alarm().text("dd: the text has ").decimal(this.textBytes);
    out.text(" bytes, a sector has ").decimal(SECTOR_BYTES).line();
    return E_TOO_LONG;
  }

  /** Sends the request for a step. */
  private transfer(step: Step): i32 {
    const disk = this.disk;
    this.step = step;
    if (!disk.config.isInside(this.lba, 1)) return this.failHere(stepName(step), E_RANGE);
    const type = step == Step.WRITE ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    const blockLba = this.lba - (this.lba % this.sectorsPerBlock());
    const bytes = disk.config.blockBytes;
    const result = this.waiter.send(disk, type, blockLba, disk.blockPtr, bytes);
    return result == PENDING ? PENDING : this.failHere(stepName(step), result);
  }

  resume(): i32 {
    const result = this.waiter.result();
    if (result == PENDING) return PENDING;
    if (result != E_OK) return this.failHere(stepName(this.step), result);
    switch (this.step) {
      case Step.READ:
        this.show();
        return E_OK;
      case Step.READ_TO_CHANGE:
        return this.isInterrupted ? this.failHere("write", E_INTERRUPTED) : this.change();
      default:
        this.confirm();
        return E_OK;
    }
  }

  interrupt(): void {
    this.isInterrupted = true;
  }

  /**
   * Puts the text into the block, behind it zeros to the end of the sector, and sends the block.
   */
  private change(): i32 {
    const sectorPtr = this.sectorPtr();
    memory.fill(sectorPtr, 0, SECTOR_BYTES);
    memory.copy(sectorPtr, this.textPtr, this.textBytes);
    return this.transfer(Step.WRITE);
  }

  private sectorsPerBlock(): u64 {
    return this.disk.config.blockBytes / SECTOR_BYTES;
  }

  /** Where the sector is in the buffer, which holds the whole block. */
  private sectorPtr(): usize {
    return this.disk.blockPtr + <usize>(this.lba % this.sectorsPerBlock()) * SECTOR_BYTES;
  }

  /** `vda sector 7: 68 65 6c ...  |hel...|` */
  private show(): void {
    const sectorPtr = this.sectorPtr();
    this.printPlace();
    for (let i: u32 = 0; i < SHOWN_BYTES; ++i) out.text(" ").hexByte(load<u8>(sectorPtr + i));
    out.text("  |").printable(sectorPtr, SHOWN_BYTES).text("|").line();
  }

  private confirm(): void {
    this.printPlace();
    out.text(" wrote ").count(this.textBytes, "byte").text(", zero-padded to 512").line();
  }

  private printPlace(): void {
    printDiskName(this.disk);
    out.text(" sector ").decimal(this.lba).text(":");
  }

  /** `dd: write at sector 2048 on vda: cause` */
  private failHere(operation: string, error: i32): i32 {
    out.text("dd: ").text(operation).text(" at sector ").decimal(this.lba).text(" on ");
    printDiskName(this.disk);
    out.text(": ");
    return fail(error);
  }
}

/** Whether there are words behind the text that cannot be a disk. */
function hasLooseText(args: Args): bool {
  if (args.count <= 4) return false;
  const isDisk = args.lengthBytes(4) == 3 && load<u16>(args.ptr(4)) == 0x6476; // "vd"
  return !isDisk;
}

function refuseLooseText(args: Args): i32 {
  complain(args);
  out.text("'").bytes(args.ptr(4), args.lengthBytes(4));
  out.text("' is no disk; a text with spaces wants quotes: ");
  out.text("dd write 3 'two words'").line();
  return E_ARGUMENT;
}

function stepName(step: Step): string {
  return step == Step.WRITE ? "write" : "read";
}
