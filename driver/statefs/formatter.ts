/**
 * Formats: writes both superblocks of an empty volume, and nothing else.
 *
 * Records of a volume that was here before stay where they are; they are told apart by the id of
 * the volume, which is made from the clock and from what is on the disk now.
 */
import { BLOCK_BYTES_MAX } from "../blk/config";
import { BlkDevice } from "../blk/device";
import { SECTOR_BYTES } from "../blk/layout";
import * as host from "../host";
import { crc32c } from "../util/crc32c";
import * as err from "../util/errors";
import { Committer } from "./committer";
import * as layout from "./layout";
import { Operation } from "./operation";
import { Volume, checkDisk, isGeometry } from "./volume";

/** Reads that the id is made from: both superblocks and the first unit of both halves. */
const PROBE_COUNT: u32 = 4;
const UNIT_COUNT_MAX: u64 = 1 << 31;

export class Formatter extends Operation {
  private volume!: Volume;
  private committer!: Committer;
  private probe: u32;
  private isDone: bool;

  init(volume: Volume): void {
    this.volume = volume;
  }

  use(committer: Committer): void {
    this.committer = committer;
  }

  /** Whether the range can be formatted: E_OK, or why not. Nothing changes. */
  check(disk: BlkDevice, firstLba: u64, sectorCount: u64): i32 {
    const error = checkDisk(disk);
    if (error != err.E_OK) return error;
    if (!disk.config.isInside(firstLba, sectorCount)) return err.E_RANGE;
    if (!disk.config.isAligned(firstLba, 0)) return err.E_ALIGN;
    const unitBytes = unitBytesOf(disk);
    const isLarge = isGeometry(unitBytes, unitCountOf(sectorCount, unitBytes));
    return isLarge ? err.E_OK : err.E_TOO_SMALL;
  }

  /** Starts to format `sectorCount` sectors from `firstLba` on, which have been checked. */
  begin(disk: BlkDevice, firstLba: u64, sectorCount: u64): void {
    const volume = this.volume;
    const unitBytes = unitBytesOf(disk);
    volume.setGeometry(disk, firstLba, unitBytes, unitCountOf(sectorCount, unitBytes));
    volume.failure = err.E_OK;
    volume.volumeId = host.clockNs() << 32;
    volume.commit = 0;
    volume.lastSequence = 0;
    this.probe = 0;
    this.isDone = false;
  }

  protected advance(): i32 {
    if (this.isDone) return err.E_OK;
    const volume = this.volume;
    if (this.probe > 0) this.addToId();
    if (this.probe == PROBE_COUNT) return this.commit();
    const place = this.probePlace();
    this.probe += 1;
    return this.await(volume.read(place, 0, volume.unitPtr, layout.SUPER_BYTES));
  }

  private probePlace(): u32 {
    if (this.probe >= 2) return this.volume.placeOf(this.probe - 2, 0);
    return (this.probe * layout.SUPER_STRIDE) / this.volume.unitBytes;
  }

  private addToId(): void {
    const volume = this.volume;
    const sum = crc32c(<u32>volume.volumeId, volume.unitPtr, layout.SUPER_BYTES);
    volume.volumeId = (volume.volumeId & 0xffffffff00000000) | sum;
  }

  private commit(): i32 {
    this.isDone = true;
    this.committer.half = 0;
    this.committer.epoch = 1;
    this.committer.generation = 1;
    this.committer.headUnits = 0;
    return this.await(this.committer.beginSwitch());
  }
}

function unitCountOf(sectorCount: u64, unitBytes: u32): u32 {
  return <u32>min(sectorCount / (unitBytes / SECTOR_BYTES), UNIT_COUNT_MAX);
}

/** The block, or the physical block where the disk says that it is larger. */
function unitBytesOf(disk: BlkDevice): u32 {
  const physical = disk.config.physicalBlockBytes;
  const isUsable = physical > disk.config.blockBytes && physical <= BLOCK_BYTES_MAX;
  return isUsable ? physical : disk.config.blockBytes;
}
