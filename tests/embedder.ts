/**
 * An embedder of the driver module: a booted machine with the block API around its disks, and the
 * variants of a device that the tests of the driver are repeated on.
 */
import assert from "node:assert/strict";
import { Machine, type MachineOptions } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { F, type Version } from "./machine/spec.js";

export const VERSIONS: readonly Version[] = [1, 2];
export const SECTOR_BYTES = 512;
export const PENDING = 1;

/** The driver's error codes, as an embedder sees them. */
export const E = {
  IO: -1,
  UNSUPPORTED: -2,
  STATUS: -3,
  TIMEOUT: -4,
  NEEDS_RESET: -5,
  USED_RING: -6,
  DEAD: -7,
  READ_ONLY: -8,
  RANGE: -9,
  ALIGN: -10,
  ARGUMENT: -11,
  NO_DEVICE: -12,
  BUSY: -13,
  QUEUE: -15,
  TOO_LONG: -19,
  NOT_OFFERED: -24,
  RESET: -26,
} as const;

/** One way a device can be: transport, rings, and when it does its work. */
export interface Variant {
  readonly name: string;
  readonly version: Version;
  readonly isIndirect: boolean;
  readonly hasEventIdx: boolean;
  readonly mode: "immediate" | "deferred";
  /** Offered besides what a test wants. */
  readonly features: readonly number[];
}

function variant(
  version: Version,
  isIndirect: boolean,
  hasEventIdx: boolean,
  mode: "immediate" | "deferred",
): Variant {
  const rings = `${isIndirect ? "indirect" : "ring"}, ${hasEventIdx ? "event idx" : "flags"}`;
  const features = [
    ...(isIndirect ? [F.INDIRECT_DESC] : []),
    ...(hasEventIdx ? [F.EVENT_IDX] : []),
  ];
  return {
    name: `version ${version}, ${rings}, ${mode}`,
    version,
    isIndirect,
    hasEventIdx,
    mode,
    features,
  };
}

const BOTH = [false, true] as const;
const MODES = ["immediate", "deferred"] as const;

/** Every combination of version, INDIRECT_DESC, EVENT_IDX and mode. */
export const VARIANTS: readonly Variant[] = VERSIONS.flatMap((version) =>
  BOTH.flatMap((isIndirect) =>
    BOTH.flatMap((hasEventIdx) =>
      MODES.map((mode) => variant(version, isIndirect, hasEventIdx, mode)),
    ),
  ),
);

/** A disk of this variant with more features and other options. */
export function diskOf(
  { version, features }: Variant,
  extra: readonly number[] = [F.BLK_SIZE, F.FLUSH],
  options: DiskOptions = {},
): DiskOptions {
  return { version, ...options, features: [...features, ...extra] };
}

/** A range of DISCARD, WRITE_ZEROES or SECURE_ERASE: sector, sectors, flags. */
export type Range = readonly [number | bigint, number, number?];

/** A piece of the buffer: offset and length in bytes. */
export type Piece = readonly [number, number];

/** A booted machine with the block API around its disks. */
export class Embedder {
  readonly machine: Machine;
  readonly bufferPtr: number;
  readonly bufferBytes: number;
  private view: Uint8Array | undefined;

  constructor(disk: DiskOptions | readonly DiskOptions[], options: MachineOptions = {}) {
    const slots = Array.isArray(disk) ? disk : [disk as DiskOptions];
    this.machine = new Machine({ slots, ...options });
    this.machine.boot();
    this.bufferPtr = this.machine.exports.blkBuffer() >>> 0;
    this.bufferBytes = this.machine.exports.blkBufferLength() >>> 0;
  }

  get memory(): Uint8Array {
    this.view ??= new Uint8Array(this.machine.exports.memory.buffer);
    return this.view;
  }

  /** `disk` is the number of the disk; the data starts `offset` bytes into the buffer. */
  submit(
    type: number,
    lba: number | bigint,
    offset = 0,
    lengthBytes = SECTOR_BYTES,
    disk = 0,
  ): number {
    const { exports } = this.machine;
    const ptr = this.bufferPtr + offset;
    return this.machine.call(() => exports.blkSubmit(disk, type, BigInt(lba), ptr, lengthBytes))!;
  }

  /** Writes the list of `pieces` to `listOffset` and sends it. */
  submitList(type: number, lba: number, pieces: readonly Piece[], listOffset = 0): number {
    const { exports } = this.machine;
    const list = Buffer.alloc(8 * pieces.length);
    for (const [index, [offset, lengthBytes]] of pieces.entries()) {
      list.writeUInt32LE((this.bufferPtr + offset) >>> 0, 8 * index);
      list.writeUInt32LE(lengthBytes, 8 * index + 4);
    }
    this.fill(listOffset, list);
    const ptr = this.bufferPtr + listOffset;
    return this.machine.call(() =>
      exports.blkSubmitList(0, type, BigInt(lba), ptr, pieces.length),
    )!;
  }

  /** Writes `ranges` to `offset` and sends them. */
  submitRanges(type: number, ranges: readonly Range[], offset = 0): number {
    const bytes = Buffer.alloc(16 * ranges.length);
    for (const [index, [sector, sectorCount, flags = 0]] of ranges.entries()) {
      bytes.writeBigUInt64LE(BigInt(sector), 16 * index);
      bytes.writeUInt32LE(sectorCount, 16 * index + 8);
      bytes.writeUInt32LE(flags, 16 * index + 12);
    }
    this.fill(offset, bytes);
    return this.submit(type, 0, offset, bytes.length);
  }

  poll(handle: number): number {
    return this.machine.call(() => this.machine.exports.blkPoll(handle))!;
  }

  /** Polls until the request is done; the virtual clock moves with every poll. */
  finish(handle: number): number {
    assert.ok(handle >= 0, `submit returned ${handle}`);
    for (let polls = 0; polls < 1_000_000; polls++) {
      const result = this.poll(handle);
      if (result !== PENDING) return result;
    }
    assert.fail("the request does not end");
  }

  transfer(type: number, lba: number, offset = 0, lengthBytes = SECTOR_BYTES): number {
    return this.finish(this.submit(type, lba, offset, lengthBytes));
  }

  data(offset: number, lengthBytes = SECTOR_BYTES): Buffer {
    return Buffer.from(
      this.memory.slice(this.bufferPtr + offset, this.bufferPtr + offset + lengthBytes),
    );
  }

  fill(offset: number, bytes: Uint8Array): void {
    this.memory.set(bytes, this.bufferPtr + offset);
  }

  /** Lets the device take what has been sent, without the driver looking. */
  settle(): void {
    this.machine.clock.advance(1_000_000);
  }

  /** Submits the same request until it is refused. Returns the handles and the refusal. */
  saturate(type: number): { handles: number[]; refusal: number } {
    const handles: number[] = [];
    for (;;) {
      const lba = handles.length;
      const handle = this.submit(type, lba, lba * SECTOR_BYTES);
      if (handle < 0) return { handles, refusal: handle };
      handles.push(handle);
      assert.ok(handles.length <= 256, "more than 256 requests are in flight");
    }
  }
}

/** Bytes that say which sector they belong to. */
export function marked(lba: number, sectorCount = 1): Buffer {
  const bytes = Buffer.alloc(sectorCount * SECTOR_BYTES);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(lba * 0x10001 + i, i);
  return bytes;
}
