/**
 * The sectors of a file behind the device model: what is written is in the file at once, and stable
 * after a flush, which is fsync. What was never written stays a hole.
 *
 * What tests do to a store by hand, crashes and sizes, does not apply here.
 */
import { fsyncSync, readSync, writeSync } from "node:fs";
import { MediumFailure, SectorStore } from "../tests/machine/disk.js";

const SECTOR_BYTES = 512;

/** Moves bytes between a file and a part of `data`. Returns how many it has moved. */
type Move = (
  file: number,
  data: Uint8Array,
  offset: number,
  lengthBytes: number,
  position: number,
) => number;

export class FileStore extends SectorStore {
  /** `file` is open until the store is not used any more. */
  constructor(
    private readonly file: number,
    private readonly count: number,
  ) {
    super(0);
  }

  override get sectorCount(): number {
    return this.count;
  }

  override read(lba: number, sectorCount: number): Uint8Array {
    const data = new Uint8Array(sectorCount * SECTOR_BYTES);
    this.transfer(readSync, lba, data);
    return data;
  }

  override write(lba: number, data: Uint8Array): void {
    this.transfer(writeSync, lba, data);
  }

  override flush(): void {
    attempt(() => fsyncSync(this.file));
  }

  /** Moves all of `data`, in as many parts as the system makes of it. */
  private transfer(move: Move, lba: number, data: Uint8Array): void {
    for (let done = 0; done < data.length;) {
      const at = lba * SECTOR_BYTES + done;
      const bytes = attempt(() => move(this.file, data, done, data.length - done, at));
      if (bytes === 0) throw new MediumFailure("the file has become shorter");
      done += bytes;
    }
  }
}

/** What the system refuses has failed on the medium; the reason is told once, here. */
function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    console.error(`tsblk-disk: ${(error as Error).message}`);
    throw new MediumFailure(undefined, { cause: error });
  }
}
