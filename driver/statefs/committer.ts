/**
 * Commits: makes the records stable, then says so in the superblock that is the older one.
 *
 *   FLUSH, superblock, FLUSH [, the other superblock, FLUSH]
 *
 * The first FLUSH is there because a superblock that is on the disk promises that all it covers is;
 * the second because the caller promises that the superblock is. Both superblocks are written where
 * the older one must never be used again: after a format, and after compaction.
 *
 * A failure leaves open what is on the disk, and a FLUSH that has failed says nothing good about
 * later ones, so the volume is not written any more until it has been mounted again.
 */
import { E_OK, E_REMOUNT } from "../util/errors";
import { crc32c } from "../util/crc32c";
import * as layout from "./layout";
import { Operation } from "./operation";
import { Volume } from "./volume";

enum Step {
  FLUSH_RECORDS,
  WRITE,
  FLUSH_SUPERBLOCK,
  DONE,
}

export class Committer extends Operation {
  private volume!: Volume;
  private step: Step;
  private writesLeft: i32;
  // What the superblock will say
  half: u32;
  epoch: u32;
  generation: u32;
  headUnits: u32;

  init(volume: Volume): void {
    this.volume = volume;
  }

  /** Starts to commit the log as it is, in this generation or the next. */
  begin(raisesGeneration: bool): Operation {
    const volume = this.volume;
    this.half = volume.half;
    this.epoch = volume.epoch;
    this.generation = volume.generation + (raisesGeneration ? 1 : 0);
    this.headUnits = volume.headUnits;
    this.step = Step.FLUSH_RECORDS;
    this.writesLeft = 1;
    return this;
  }

  /** Starts to commit a log that takes the place of the one in use; `half` and so on are set. */
  beginSwitch(): Operation {
    this.step = Step.FLUSH_RECORDS;
    this.writesLeft = 2;
    return this;
  }

  protected advance(): i32 {
    const volume = this.volume;
    switch (this.step) {
      case Step.FLUSH_RECORDS:
        // Half a commit would leave open what is stable
        volume.transfer.mustEnd = true;
        this.step = Step.WRITE;
        return this.await(volume.flush.begin(volume.disk));
      case Step.WRITE:
        this.step = Step.FLUSH_SUPERBLOCK;
        return this.await(this.writeSuperBlock());
      case Step.FLUSH_SUPERBLOCK:
        this.writesLeft -= 1;
        this.step = this.writesLeft > 0 ? Step.WRITE : Step.DONE;
        return this.await(volume.flush.begin(volume.disk));
      default:
        return this.settle();
    }
  }

  protected failed(error: i32): i32 {
    this.volume.failure = E_REMOUNT;
    return error;
  }

  private writeSuperBlock(): Operation {
    const volume = this.volume;
    const ptr = volume.unitPtr;
    memory.fill(ptr, 0, volume.unitBytes);
    volume.commit += 1;
    const block = changetype<layout.SuperBlock>(ptr);
    block.magic = layout.SUPER_MAGIC;
    block.version = layout.FORMAT_VERSION;
    block.unitBytes = volume.unitBytes;
    block.volumeId = volume.volumeId;
    block.commit = volume.commit;
    block.unitCount = volume.unitCount;
    block.half = this.half;
    block.epoch = this.epoch;
    block.generation = this.generation;
    block.committedUnits = this.headUnits;
    block.lastSequence = volume.lastSequence;
    store<u32>(ptr + layout.SUPER_CRC, crc32c(0, ptr, layout.SUPER_CRC));
    return volume.writeSuperBlock(<u32>(volume.commit & 1), ptr);
  }

  private settle(): i32 {
    const volume = this.volume;
    volume.half = this.half;
    volume.epoch = this.epoch;
    if (volume.generation != this.generation) volume.needsGeneration = false;
    volume.generation = this.generation;
    volume.headUnits = this.headUnits;
    volume.committedUnits = this.headUnits;
    volume.transfer.mustEnd = false;
    return E_OK;
  }
}
