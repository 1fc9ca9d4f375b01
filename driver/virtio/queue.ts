/**
 * A split virtqueue (§2.7), driver side, with chains that are laid out once.
 *
 * Chain number c has descriptors of its own for as long as the queue lives: a stretch of the
 * descriptor table, or with INDIRECT_DESC a table of its own that descriptor c points to
 * (§2.7.5.3), so that a queue of n holds n chains. A free list of chains takes the place of a free
 * list of descriptors, and sending a request writes only what differs from the last one. Within a
 * chain, `next` gives the order:
 *
 *   position   0 first      1 last        2        3     ...
 *              readable     writable      data     data
 *              next 2 ------------------> next 3 > next 1, or on
 *
 * The queue trusts its own record only: which chains are free, how they are linked, what is in
 * flight. It never reads back what it wrote into shared memory, and it checks every used entry
 * before it believes it. The buffers of a chain stay the device's from `publish` until `usedChain`
 * returns the chain, or until the device has been reset.
 *
 *   takeChain -> describe.. -> send -> publish -> (device works)
 *     -> usedCount, usedChain.., releaseUsed -> giveChain
 */
import * as host from "../host";
import { pageAlign, physOf, reservePages } from "../dma";
import { placeArray } from "../util/arena";
import { E_USED_RING } from "../util/errors";
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_RING_FLAGS,
  VIRTQ_RING_IDX,
  VIRTQ_RING_SLOTS,
  VIRTQ_USED_F_NO_NOTIFY,
  VirtqDesc,
  VirtqUsedElem,
  virtqAvailBytes,
  virtqDescBytes,
  virtqUsedBytes,
} from "./layout";

/** Largest queue that is set up, whatever the device allows. */
export const QUEUE_SIZE_LIMIT: u32 = 256;

/** Data buffers that one chain takes at most; the tables of INDIRECT_DESC have room for as many. */
export const CHAIN_DATA_LIMIT: u32 = 14;

/** Buffers of a chain besides its data: the first and the last one. */
export const CHAIN_FRAME_COUNT: u32 = 2;

/** Positions in a chain. */
const FIRST: u32 = 0;
const LAST: u32 = 1;
const DATA: u32 = 2;

const NO_CHAIN: i32 = -1;

/**
 * How far behind the used index used_event stays, so that the device never comes to an interrupt
 * (§2.7.10).
 */
const EVENT_LAG: u32 = 1;

const DESC_BYTES: usize = offsetof<VirtqDesc>();
const TABLE_BYTES: usize = <usize>(CHAIN_DATA_LIMIT + CHAIN_FRAME_COUNT) * DESC_BYTES;

export class Virtqueue {
  size: u32;
  descPtr: usize;
  availPtr: usize;
  usedPtr: usize;
  /** Chains that the queue holds; their numbers are below this. */
  chainCount: u32;
  /** Data buffers that a chain has room for. */
  dataCount: u32;
  /** Whether chains are in tables of their own. */
  isIndirect: bool;
  /** Chains that are not back yet. */
  inFlightCount: u32;
  notificationsSent: u64;
  notificationsSuppressed: u64;

  // For queue_inspect.ts as well
  /** The pages of the three parts. Between these, all is zero unless the device writes there. */
  areaPtr: usize;
  areaBytes: usize;
  hasEventIdx: bool;
  /** Whether the device wanted to be notified of what was published last. */
  wantedNotification: bool;
  /** Descriptors of chain 0, and the bytes from one chain to the next. */
  chainsPtr: usize;
  chainBytes: usize;
  /** Entries of the descriptor table that a chain takes. */
  headStep: u32;
  // Free-running as the rings count them, 16 bits of them (§2.7.13)
  publishedIdx: u32;
  usedIdx: u32;

  private tablesPtr: usize;
  private checksUsedLength: bool;
  /** As headStep, but what counts in `next`. */
  private nextStep: u32;
  private availIdx: u32;
  private firstFree: i32;

  // Our record, an entry a chain: the next free one, and what the device may write, 0 unless the
  // chain is in flight
  private nextFree!: StaticArray<i32>;
  private writableBytes!: StaticArray<u32>;

  /** Reserves memory for the largest queue. Called once. */
  init(): void {
    this.areaBytes = pageAlign(
      pageAlign(virtqDescBytes(QUEUE_SIZE_LIMIT) + virtqAvailBytes(QUEUE_SIZE_LIMIT)) +
        virtqUsedBytes(QUEUE_SIZE_LIMIT),
    );
    this.areaPtr = reservePages(this.areaBytes);
    this.tablesPtr = reservePages(<usize>QUEUE_SIZE_LIMIT * TABLE_BYTES);
    this.nextFree = placeArray<i32>(QUEUE_SIZE_LIMIT);
    this.writableBytes = placeArray<u32>(QUEUE_SIZE_LIMIT);
  }

  /**
   * Empties the queue and lays it out for `size` entries, a power of two up to QUEUE_SIZE_LIMIT.
   * The device must have been reset. The rings are where a legacy device computes them (§2.7.2),
   * which suits every device: table, available ring, used ring on the next page. Each chain gets
   * room for up to `dataCount` data buffers; the caller gives the free ones.
   */
  layOut(size: u32, dataCount: u32, features: u64, isLegacy: bool): void {
    this.size = size;
    this.isIndirect = (features & VIRTIO_F_INDIRECT_DESC) != 0;
    this.hasEventIdx = (features & VIRTIO_F_EVENT_IDX) != 0;
    this.checksUsedLength = !isLegacy; // on a legacy device it means nothing (§2.7.8.1)
    this.dataCount = dataCount;
    this.descPtr = this.areaPtr;
    this.availPtr = this.descPtr + virtqDescBytes(size);
    this.usedPtr = pageAlign(this.availPtr + virtqAvailBytes(size));
    memory.fill(this.areaPtr, 0, this.areaBytes);
    this.layOutChains();
    this.inFlightCount = 0;
    this.availIdx = 0;
    this.publishedIdx = 0;
    this.usedIdx = 0;
    this.suppressInterrupts();
  }

  private layOutChains(): void {
    const length = this.dataCount + CHAIN_FRAME_COUNT;
    this.headStep = this.isIndirect ? 1 : length;
    this.nextStep = this.isIndirect ? 0 : length;
    this.chainsPtr = this.isIndirect ? this.tablesPtr : this.descPtr;
    this.chainBytes = this.isIndirect ? TABLE_BYTES : <usize>length * DESC_BYTES;
    this.chainCount = this.size / this.headStep;
    this.firstFree = NO_CHAIN;
    for (let chain: u32 = 0; chain < this.chainCount; ++chain) this.writableBytes[chain] = 0;
  }

  /** The completions are polled for, so the device need not interrupt. */
  private suppressInterrupts(): void {
    if (this.hasEventIdx) this.moveUsedEvent();
    else store<u16>(this.availPtr + VIRTQ_RING_FLAGS, VIRTQ_AVAIL_F_NO_INTERRUPT);
  }

  private moveUsedEvent(): void {
    const eventPtr = this.availPtr + VIRTQ_RING_SLOTS + <usize>this.size * sizeof<u16>();
    store<u16>(eventPtr, <u16>(this.usedIdx - EVENT_LAG));
  }

  /** A free chain, which is the caller's until it is given back, or a negative number. */
  takeChain(): i32 {
    const chain = this.firstFree;
    if (chain >= 0) this.firstFree = unchecked(this.nextFree[chain]);
    return chain;
  }

  giveChain(chain: i32): void {
    unchecked((this.nextFree[chain] = this.firstFree));
    this.firstFree = chain;
  }

  /**
   * Gives a chain its first buffer, which the device reads, and its last one, a byte that the
   * device writes. They stay for as long as the layout does.
   */
  describeFrame(chain: i32, firstPtr: usize, firstBytes: u32, lastPtr: usize): void {
    const first = this.descriptor(chain, FIRST);
    first.addr = physOf(firstPtr);
    first.len = firstBytes;
    first.flags = VIRTQ_DESC_F_NEXT;
    const last = this.descriptor(chain, LAST);
    last.addr = physOf(lastPtr);
    last.len = 1;
    last.flags = VIRTQ_DESC_F_WRITE;
    last.next = 0;
    if (this.isIndirect) this.describeTable(chain);
  }

  /** Descriptor number `chain` of the ring stands for the whole table of the chain. */
  private describeTable(chain: i32): void {
    const head = changetype<VirtqDesc>(this.descPtr + <usize>chain * DESC_BYTES);
    head.addr = physOf(this.chainsPtr + <usize>chain * this.chainBytes);
    head.len = (this.dataCount + CHAIN_FRAME_COUNT) * <u32>DESC_BYTES;
    head.flags = VIRTQ_DESC_F_INDIRECT;
    head.next = 0;
  }

  /**
   * Describes data buffer `index` of a chain; VIRTQ_DESC_F_WRITE in `flags` lets the device write
   * it.
   */
  describeData(chain: i32, index: u32, ptr: usize, lengthBytes: u32, flags: u16): void {
    const desc = this.descriptor(chain, DATA + index);
    desc.addr = physOf(ptr);
    desc.len = lengthBytes;
    desc.flags = flags | VIRTQ_DESC_F_NEXT;
    desc.next = <u16>(<u32>chain * this.nextStep + DATA + index + 1);
  }

  /**
   * Puts a chain with `dataCount` data buffers into the available ring, unseen by the device until
   * `publish`. `writableBytes` is what the device may write in all, the last byte included.
   */
  send(chain: i32, dataCount: u32, writableBytes: u32): void {
    const base = <u32>chain * this.nextStep;
    this.descriptor(chain, FIRST).next = <u16>(base + (dataCount > 0 ? DATA : LAST));
    if (dataCount > 0) this.descriptor(chain, DATA + dataCount - 1).next = <u16>(base + LAST);
    unchecked((this.writableBytes[chain] = writableBytes));
    const slot = <usize>(this.availIdx & (this.size - 1));
    const head = <u16>(<u32>chain * this.headStep);
    store<u16>(this.availPtr + VIRTQ_RING_SLOTS + slot * sizeof<u16>(), head);
    this.availIdx += 1;
    this.inFlightCount += 1;
  }

  /** Whether the device has a chain, or is about to see it. */
  isInFlight(chain: i32): bool {
    return this.writableBytes[chain] != 0;
  }

  /** Whether chains have been sent that the device does not see yet. */
  hasUnpublished(): bool {
    return this.availIdx != this.publishedIdx;
  }

  /**
   * Makes all chains that were sent visible to the device. Returns whether it wants to be notified
   * of them.
   */
  publish(): bool {
    if (!this.hasUnpublished()) return false;
    host.fence(); // descriptors and slots before idx (§2.7.13.3.1)
    store<u16>(this.availPtr + VIRTQ_RING_IDX, <u16>this.availIdx);
    host.fence(); // idx before the device's wish is read (§2.7.13.4.1)
    const isWanted = this.wantsNotification();
    this.publishedIdx = this.availIdx;
    this.wantedNotification = isWanted;
    if (isWanted) this.notificationsSent += 1;
    else this.notificationsSuppressed += 1;
    return isWanted;
  }

  private wantsNotification(): bool {
    if (!this.hasEventIdx) {
      return !(load<u16>(this.usedPtr + VIRTQ_RING_FLAGS) & VIRTQ_USED_F_NO_NOTIFY);
    }
    const eventPtr = this.usedPtr + VIRTQ_RING_SLOTS + <usize>this.size * offsetof<VirtqUsedElem>();
    const event: u32 = load<u16>(eventPtr);
    const passed = (this.availIdx - event - 1) & 0xffff; // modulo 2^16 (§2.7.10.1)
    return passed < ((this.availIdx - this.publishedIdx) & 0xffff);
  }

  /** Whether `usedCount` has something to say: as cheap a look as there is. */
  hasUsed(): bool {
    return load<u16>(this.usedPtr + VIRTQ_RING_IDX) != <u16>this.usedIdx;
  }

  /**
   * Number of chains that have come back since `releaseUsed`, or E_USED_RING when they cannot be as
   * many.
   */
  usedCount(): i32 {
    const count = (<u32>load<u16>(this.usedPtr + VIRTQ_RING_IDX) - this.usedIdx) & 0xffff;
    if (count == 0) return 0;
    // idx before entries, status and data (§2.7.14), for the compiler as well as for the CPU
    host.fence();
    return count <= this.inFlightCount ? <i32>count : E_USED_RING;
  }

  /**
   * The chain in used entry `index` of those counted, which is free to be sent again; E_USED_RING
   * when it cannot be.
   */
  usedChain(index: u32): i32 {
    const slot = <usize>((this.usedIdx + index) & (this.size - 1));
    const elem = changetype<VirtqUsedElem>(
      this.usedPtr + VIRTQ_RING_SLOTS + slot * offsetof<VirtqUsedElem>(),
    );
    const id = elem.id;
    const chain = id / this.headStep;
    if (chain >= this.chainCount || chain * this.headStep != id) return E_USED_RING;
    const writableBytes = unchecked(this.writableBytes[chain]);
    if (writableBytes == 0) return E_USED_RING;
    if (this.checksUsedLength && elem.len > writableBytes) return E_USED_RING;
    unchecked((this.writableBytes[chain] = 0));
    return <i32>chain;
  }

  /** The first `count` of the used entries have been dealt with. */
  releaseUsed(count: u32): void {
    this.usedIdx += count;
    this.inFlightCount -= count;
    if (this.hasEventIdx) this.moveUsedEvent();
  }

  private descriptor(chain: i32, position: u32): VirtqDesc {
    const chainPtr = this.chainsPtr + <usize>chain * this.chainBytes;
    return changetype<VirtqDesc>(chainPtr + <usize>position * DESC_BYTES);
  }
}
