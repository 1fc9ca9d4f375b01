/** Reads both superblocks and says of each whether it is one. */
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import { crc32c } from "../util/crc32c";
import * as err from "../util/errors";
import * as layout from "./layout";
import { Operation } from "./operation";
import { Volume } from "./volume";

const SLOT_COUNT: u32 = 2;

export class SuperReader extends Operation {
  private volume!: Volume;
  private disk!: BlkDevice;
  private firstLba: u64;
  /** The slot that is read next. */
  private slot: u32;

  init(volume: Volume): void {
    this.volume = volume;
  }

  /** Starts with the volume at `firstLba`. Both stay in memory until a unit is written. */
  begin(disk: BlkDevice, firstLba: u64): Operation {
    this.disk = disk;
    this.firstLba = firstLba;
    this.slot = 0;
    return this;
  }

  private ptr(slot: u32): usize {
    return this.volume.unitPtr + slot * layout.SUPER_BYTES;
  }

  protected advance(): i32 {
    const slot = this.slot;
    if (slot == SLOT_COUNT) return err.E_OK;
    this.slot += 1;
    const offset = this.firstLba * SECTOR_BYTES + slot * layout.SUPER_STRIDE;
    const transfer = this.volume.transfer;
    return this.await(transfer.read(this.disk, offset, this.ptr(slot), layout.SUPER_BYTES));
  }

  /** A superblock that is past the end or cannot be read is none; the other one may do. */
  protected failed(error: i32): i32 {
    if (error != err.E_RANGE && error != err.E_IO) return error;
    memory.fill(this.ptr(this.slot - 1), 0, layout.SUPER_BYTES);
    return err.PENDING;
  }

  block(slot: u32): layout.SuperBlock {
    return changetype<layout.SuperBlock>(this.ptr(slot));
  }

  /** E_OK, E_VERSION, E_CORRUPT or E_NO_FORMAT. */
  judge(slot: u32): i32 {
    const ptr = this.ptr(slot);
    const block = this.block(slot);
    if (block.magic != layout.SUPER_MAGIC) return err.E_NO_FORMAT;
    if (load<u32>(ptr + layout.SUPER_CRC) != crc32c(0, ptr, layout.SUPER_CRC)) return err.E_CORRUPT;
    return block.version == layout.FORMAT_VERSION ? err.E_OK : err.E_VERSION;
  }
}
