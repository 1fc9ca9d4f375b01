/** discard: tells the disk that sectors are not needed any more; what they hold then is unknown. */
import { VIRTIO_BLK_T_DISCARD } from "../../blk/layout";
import { RangeCommand } from "../range_command";

export class Discard extends RangeCommand {
  name(): string {
    return "discard";
  }

  summary(): string {
    return "gives sectors up with their contents";
  }

  example(): string {
    return "discard 64 8 vda";
  }

  type(): u32 {
    return VIRTIO_BLK_T_DISCARD;
  }

  done(): string {
    return "discarded";
  }

  /** A discard is a hint; what is left of it is the question's and the answer's range. */
  keepsEnds(): bool {
    return true;
  }
}
