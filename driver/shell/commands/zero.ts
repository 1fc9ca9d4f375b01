/** zero: lets the disk write zeros, without sending them. */
import { VIRTIO_BLK_T_WRITE_ZEROES } from "../../blk/layout";
import { RangeCommand } from "../range_command";

export class Zero extends RangeCommand {
  name(): string {
    return "zero";
  }

  summary(): string {
    return "fills sectors with zeros";
  }

  example(): string {
    return "zero 64 8 vda";
  }

  type(): u32 {
    return VIRTIO_BLK_T_WRITE_ZEROES;
  }

  done(): string {
    return "zeroed";
  }
}
