/**
 * A split virtqueue (§2.7), driver side, with chains that are laid out once.
 *
 * Chain number c has descriptors of its own for as long as the queue lives: a stretch of the
 * descriptor table, or with INDIRECT_DESC a table of its own that descriptor c points to
 * (§2.7.5.3), so that a queue of n holds n chains. Whoever sends keeps a list of the free chains in
 * place of one of free descriptors, and writes only what differs from the last request. Within a
 * chain, `next` gives the order:
 *
 *   position   0 first      1 last        2        3     ...
 *              readable     writable      data     data
 *              next 2 ------------------> next 3 > next 1, or on
 *
 * Only our own record is trusted: how the chains are linked, what is in flight. What was written
 * into shared memory is never read back, but for `diagnose`. The buffers of a chain stay the
 * device's from `publish` until a used entry with its head has been checked against its record
 * (blk/completion.ts), or until the device has been reset.
 *
 *   describe.. -> endChain -> send -> publish -> (device works) -> usedCount -> releaseUsed
 */
import * as host from "../host";
import { pageAlign, physOf, reservePages } from "../dma";
import { reserve } from "../util/arena";
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

/**
 * How far behind the used index used_event stays while the ring is polled, so that the device
 * never comes to an interrupt (§2.7.10).
 */
const EVENT_LAG: u32 = 1;

const DESC_BYTES: usize = offsetof<VirtqDesc>();
const TABLE_BYTES: usize = <usize>(CHAIN_DATA_LIMIT + CHAIN_FRAME_COUNT) * DESC_BYTES;

/** Our record of a chain; whoever sends it keeps more behind this. */
@unmanaged
export class Chain {
  /** Its number, below `chainCount`. */
  index: i32;
  /** Its entry in the descriptor table. */
  head: u32;
  /** Lengths in the used ring are below this; 0 unless the chain is in flight. */
  lengthLimit: u32;
  /** Its first data descriptor. */
  dataDescPtr: usize;
}

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
  availIdx: u32;
  publishedIdx: u32;
  usedIdx: u32;

  private tablesPtr: usize;
  /** As headStep, but what counts in `next`. */
  private nextStep: u32;
  // For loops over many chains, which keep these in locals
  /** The slots of the available ring, the entries of the used ring, and their number less one. */
  slotsPtr: usize;
  usedEntriesPtr: usize;
  slotMask: u32;
  /** What counts of a length in the used ring. */
  lengthMask: u32;
  /** By entry of the descriptor table: the record of the chain that begins there, or `noChain`. */
  recordPtrs: usize;

  /** A record that is never in flight. */
  private noChain: usize;

  /** Reserves memory for the largest queue. Called once. */
  init(): void {
    this.areaBytes = pageAlign(
      pageAlign(virtqDescBytes(QUEUE_SIZE_LIMIT) + virtqAvailBytes(QUEUE_SIZE_LIMIT)) +
        virtqUsedBytes(QUEUE_SIZE_LIMIT),
    );
    this.areaPtr = reservePages(this.areaBytes);
    this.tablesPtr = reservePages(<usize>QUEUE_SIZE_LIMIT * TABLE_BYTES);
    this.recordPtrs = reserve(<usize>QUEUE_SIZE_LIMIT * sizeof<usize>(), 16);
    this.noChain = reserve(offsetof<Chain>(), 16);
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
    this.lengthMask = isLegacy ? 0 : u32.MAX_VALUE; // a legacy device says anything (§2.7.8.1)
    this.dataCount = dataCount;
    this.descPtr = this.areaPtr;
    this.availPtr = this.descPtr + virtqDescBytes(size);
    this.usedPtr = pageAlign(this.availPtr + virtqAvailBytes(size));
    memory.fill(this.areaPtr, 0, this.areaBytes);
    this.layOutChains();
    this.slotsPtr = this.availPtr + VIRTQ_RING_SLOTS;
    this.usedEntriesPtr = this.usedPtr + VIRTQ_RING_SLOTS;
    this.slotMask = size - 1;
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
    for (let head: u32 = 0; head < QUEUE_SIZE_LIMIT; ++head) this.setRecord(head, this.noChain);
  }

  /** The completions are polled for, so the device need not interrupt. */
  suppressInterrupts(): void {
    if (this.hasEventIdx) this.setUsedEvent(this.usedIdx - EVENT_LAG);
    else store<u16>(this.availPtr + VIRTQ_RING_FLAGS, VIRTQ_AVAIL_F_NO_INTERRUPT);
  }

  /**
   * Lets the device interrupt when `count` more chains have come back, or all if fewer are in
   * flight; without EVENT_IDX, when the next one has. At least one must be in flight. Returns
   * whether that is still to come: what has come before the device knew is not announced (§2.7.14).
   */
  enableInterrupt(count: u32): bool {
    const awaited = this.hasEventIdx ? min(count, this.inFlightCount) : 1;
    if (this.hasEventIdx) this.setUsedEvent(this.usedIdx + awaited - 1);
    else store<u16>(this.availPtr + VIRTQ_RING_FLAGS, 0);
    host.fence(); // the wish before the last look at idx
    return this.backCount() < awaited;
  }

  /** The device interrupts when its index passes `idx` (§2.7.10.1). */
  private setUsedEvent(idx: u32): void {
    const eventPtr = this.availPtr + VIRTQ_RING_SLOTS + <usize>this.size * sizeof<u16>();
    store<u16>(eventPtr, <u16>idx);
  }

  /** Chains that are not back yet. */
  get inFlightCount(): u32 {
    return this.availIdx - this.usedIdx;
  }

  /** Whether all chains are back. */
  isIdle(): bool {
    return this.availIdx == this.usedIdx;
  }

  /** Makes `record` the record of chain `index`. It stays that for as long as the layout does. */
  addChain(index: i32, record: Chain): void {
    record.index = index;
    record.head = <u32>index * this.headStep;
    record.lengthLimit = 0;
    record.dataDescPtr = changetype<usize>(this.descriptor(index, DATA));
    this.setRecord(record.head, changetype<usize>(record));
  }

  private setRecord(head: u32, recordPtr: usize): void {
    store<usize>(this.recordPtrs + <usize>head * sizeof<usize>(), recordPtr);
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
   * Ends the description of a chain with `dataCount` data buffers. Returns its length limit when
   * the device may write `writableBytes` in all, the last byte included.
   */
  endChain(chain: i32, dataCount: u32, writableBytes: u32): u32 {
    const base = <u32>chain * this.nextStep;
    this.descriptor(chain, FIRST).next = <u16>(base + (dataCount > 0 ? DATA : LAST));
    if (dataCount > 0) this.descriptor(chain, DATA + dataCount - 1).next = <u16>(base + LAST);
    return writableBytes + 1;
  }

  /**
   * Puts a chain into the available ring, unseen by the device until `publish`. `lengthLimit` is
   * what `endChain` returned.
   */
  send(chain: Chain, lengthLimit: u32): void {
    chain.lengthLimit = lengthLimit;
    putHead(this.slotsPtr, this.availIdx & this.slotMask, chain);
    this.availIdx += 1;
  }

  /** Whether chains have been sent that the device does not see yet. */
  hasUnpublished(): bool {
    return this.availIdx != this.publishedIdx;
  }

  /**
   * Makes all chains that were sent visible to the device; there is one at least. Returns whether
   * it wants to be notified of them.
   */
  publish(): bool {
    host.fence(); // descriptors and slots before idx (§2.7.13.3.1)
    store<u16>(this.availPtr + VIRTQ_RING_IDX, <u16>this.availIdx);
    host.fence(); // idx before the device's wish is read (§2.7.13.4.1)
    const isWanted = this.wantsNotification();
    this.publishedIdx = this.availIdx;
    this.wantedNotification = isWanted;
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

  /** Whether `usedCount` had something to say at the last fence: as cheap a look as there is. */
  hasUsed(): bool {
    return load<u16>(this.usedPtr + VIRTQ_RING_IDX) != <u16>this.usedIdx;
  }

  /** Chains that have come back since `releaseUsed`, as of the last fence, if that can be true. */
  backCount(): u32 {
    return (<u32>load<u16>(this.usedPtr + VIRTQ_RING_IDX) - this.usedIdx) & 0xffff;
  }

  /**
   * Number of chains that have come back since `releaseUsed`, or E_USED_RING when they cannot be as
   * many.
   */
  usedCount(): i32 {
    if (!this.hasUsed()) host.fence(); // what the device has given back by now
    const count = this.backCount();
    if (count == 0) return 0;
    // idx before entries, status and data (§2.7.14), for the compiler as well as for the CPU
    host.fence();
    return count <= this.inFlightCount ? <i32>count : E_USED_RING;
  }

  /** The first `count` of the used entries have been dealt with. */
  releaseUsed(count: u32): void {
    this.usedIdx += count;
    if (this.hasEventIdx) this.setUsedEvent(this.usedIdx - EVENT_LAG);
  }

  private descriptor(chain: i32, position: u32): VirtqDesc {
    const chainPtr = this.chainsPtr + <usize>chain * this.chainBytes;
    return changetype<VirtqDesc>(chainPtr + <usize>position * DESC_BYTES);
  }
}

/** Puts the head of a chain into slot `slot` of an available ring. */
export function putHead(slotsPtr: usize, slot: u32, chain: Chain): void {
  store<u16>(slotsPtr + <usize>slot * sizeof<u16>(), <u16>chain.head);
}

/** The record of the chain that begins at descriptor `head`; one not in flight when none does. */
export function recordOf(recordPtrs: usize, head: u32): Chain {
  return changetype<Chain>(load<usize>(recordPtrs + <usize>head * sizeof<usize>()));
}

/** Lets the only data buffer of a chain that has been described begin elsewhere. */
export function moveData(chain: Chain, phys: u64): void {
  changetype<VirtqDesc>(chain.dataDescPtr).addr = phys;
}
