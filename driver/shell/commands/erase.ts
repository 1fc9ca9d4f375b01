/** erase: erases sectors so that nothing can bring them back. */
import { VIRTIO_BLK_T_SECURE_ERASE } from "../../blk/layout";
import { RangeCommand } from "../range_command";

export class Erase extends RangeCommand {
  name(): string {
    return "erase";
  }

  summary(): string {
    return "erases sectors for good";
  }

  example(): string {
    return "erase 64 8 vda";
  }

  type(): u32 {
    return VIRTIO_BLK_T_SECURE_ERASE;
  }

  done(): string {
    return "erased";
  }
}
