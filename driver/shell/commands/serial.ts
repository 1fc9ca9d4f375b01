/** serial: asks a disk for its serial number; a device need not know one. */
import { BlkDevice } from "../../blk/device";
import { VIRTIO_BLK_ID_BYTES, VIRTIO_BLK_T_GET_ID } from "../../blk/layout";
import { Waiter } from "../../blk/waiter";
import { place } from "../../util/arena";
import { E_ARGUMENT, E_OK, E_UNSUPPORTED, PENDING } from "../../util/errors";
import { Args } from "../args";
import { Command, checkOperandCount, diskOperand, fail, printDiskName } from "../command";
import { out } from "../console";

export class Serial extends Command {
  private disk!: BlkDevice;
  private waiter!: Waiter;

  init(): void {
    this.waiter = place<Waiter>();
  }

  name(): string {
    return "serial";
  }

  operands(): string {
    return "[dev]";
  }

  summary(): string {
    return "shows the serial number of a disk";
  }

  example(): string {
    return "serial vda";
  }

  run(args: Args): i32 {
    if (checkOperandCount(args, this, 0, 1) != E_OK) return E_ARGUMENT;
    const disk = diskOperand(args, 1);
    if (!disk) return E_ARGUMENT;
    this.disk = disk;
    memory.fill(disk.blockPtr, 0, VIRTIO_BLK_ID_BYTES); // the device need not pad it
    const type = VIRTIO_BLK_T_GET_ID;
    return this.finish(this.waiter.send(disk, type, 0, disk.blockPtr, VIRTIO_BLK_ID_BYTES));
  }

  resume(): i32 {
    return this.finish(this.waiter.result());
  }

  private finish(result: i32): i32 {
    if (result == PENDING) return PENDING;
    if (result == E_OK) {
      this.show();
      return E_OK;
    }
    if (result == E_UNSUPPORTED) {
      printDiskName(this.disk);
      out.text(" does not tell a serial number").line();
      return E_OK;
    }
    out.text("serial: ");
    printDiskName(this.disk);
    out.text(": ");
    return fail(result);
  }

  private show(): void {
    let length: usize = 0;
    while (length < VIRTIO_BLK_ID_BYTES && load<u8>(this.disk.blockPtr + length) != 0) ++length;
    printDiskName(this.disk);
    if (length == 0) out.text(" has no serial number").line();
    else out.text(" serial ").printable(this.disk.blockPtr, length).line();
  }
}
