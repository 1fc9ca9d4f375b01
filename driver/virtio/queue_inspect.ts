/**
 * What can be seen of a virtqueue in memory, as plain records: facts for a diagnosis, no judgement.
 *
 * Reads only, believes nothing: a chain is followed for as many entries as it can have, wherever
 * its links point. Here, and only here, the driver reads back what it wrote.
 */
import * as host from "../host";
import { physOf } from "../dma";
import { reserve } from "../util/arena";
import {
  VIRTQ_DESC_F_INDIRECT,
  VIRTQ_DESC_F_NEXT,
  VIRTQ_DESC_F_WRITE,
  VIRTQ_RING_FLAGS,
  VIRTQ_RING_IDX,
  VIRTQ_RING_SLOTS,
  VirtqDesc,
  VirtqUsedElem,
  virtqAvailBytes,
  virtqDescBytes,
  virtqUsedBytes,
} from "./layout";
import { CHAIN_DATA_LIMIT, CHAIN_FRAME_COUNT, Virtqueue } from "./queue";

const DESC_BYTES: usize = offsetof<VirtqDesc>();
const WORD_BYTES: usize = 4;

/** Longest chain. */
const ENTRY_COUNT_MAX: u32 = CHAIN_DATA_LIMIT + CHAIN_FRAME_COUNT;

export class QueueState {
  size: u32;
  // Where the queue was laid out
  tablePhys: u64;
  availPhys: u64;
  usedPhys: u64;
  // Indices by our record, and as they are in memory
  availIdx: u32;
  availIdxSeen: u32;
  usedIdx: u32;
  usedIdxSeen: u32;
  availFlags: u32;
  usedFlags: u32;
  hasEventIdx: bool;
  /** The index that the device wants to be notified at, with EVENT_IDX. */
  availEvent: u32;
  /** Whether the device wanted to be notified of what it was sent last. */
  wantedNotification: bool;
  /** First word in the queue's pages that is not zero although nobody should write it, or 0. */
  strayPhys: u64;
  /** If this word begins a used ring: its index. */
  strayIdx: u32;

  read(queue: Virtqueue): void {
    host.fence(); // what the device has written so far
    this.size = queue.size;
    if (queue.size == 0) return;
    this.tablePhys = physOf(queue.descPtr);
    this.availPhys = physOf(queue.availPtr);
    this.usedPhys = physOf(queue.usedPtr);
    this.availIdx = queue.publishedIdx & 0xffff;
    this.usedIdx = queue.usedIdx & 0xffff;
    this.availIdxSeen = load<u16>(queue.availPtr + VIRTQ_RING_IDX);
    this.availFlags = load<u16>(queue.availPtr + VIRTQ_RING_FLAGS);
    this.usedIdxSeen = load<u16>(queue.usedPtr + VIRTQ_RING_IDX);
    this.usedFlags = load<u16>(queue.usedPtr + VIRTQ_RING_FLAGS);
    this.hasEventIdx = queue.hasEventIdx;
    const slotsBytes = <usize>queue.size * offsetof<VirtqUsedElem>();
    this.availEvent = load<u16>(queue.usedPtr + VIRTQ_RING_SLOTS + slotsBytes);
    this.wantedNotification = queue.wantedNotification;
  }

  /** Looks for what the device has written beside the used ring. */
  searchStray(queue: Virtqueue): void {
    this.strayPhys = 0;
    if (queue.size == 0) return;
    const availEndPtr = queue.availPtr + virtqAvailBytes(queue.size);
    const usedEndPtr = queue.usedPtr + virtqUsedBytes(queue.size);
    let ptr = queue.descPtr + virtqDescBytes(queue.size);
    const endPtr = queue.areaPtr + queue.areaBytes;
    for (; ptr + WORD_BYTES <= endPtr; ptr += WORD_BYTES) {
      if (ptr + WORD_BYTES > queue.availPtr && ptr < availEndPtr) continue;
      if (ptr + WORD_BYTES > queue.usedPtr && ptr < usedEndPtr) continue;
      if (load<u32>(ptr) == 0) continue;
      this.strayPhys = physOf(ptr);
      this.strayIdx = load<u16>(ptr + VIRTQ_RING_IDX);
      return;
    }
  }

  /** Whether the device has given something back that was not taken yet. */
  hasUsed(): bool {
    return this.usedIdxSeen != this.usedIdx;
  }

  /** Whether the device has fetched everything it was sent; known with EVENT_IDX only. */
  isTaken(): bool {
    return this.hasEventIdx && this.availEvent == this.availIdx;
  }
}

/** An entry of a chain, as it is in memory. */
@unmanaged
class ChainEntry {
  phys: u64;
  lengthBytes: u32;
  /** Its number in the table it is in. */
  index: u32;
  flags: u16;
  next: u16;

  isWritable(): bool {
    return (this.flags & VIRTQ_DESC_F_WRITE) != 0;
  }

  /** Whether the device can reach all of it, and it is ours. */
  isMemory(): bool {
    const endPhys = physOf(0) + ((<u64>memory.size()) << 16);
    return this.phys >= physOf(0) && this.phys < endPhys && this.lengthBytes <= endPhys - this.phys;
  }
}

/** The chain of a request, as it is in memory. */
export class ChainState {
  count: u32;
  head: u32;
  /** The head is in the part of the available ring that the device was shown last. */
  isInRing: bool;
  isIndirect: bool;
  /** Entry of the ring for the table of the chain is as it should be. */
  isTableRight: bool;
  /** The last entry has no next one. */
  isEnded: bool;
  private entriesPtr: usize;

  init(): void {
    this.entriesPtr = reserve(<usize>ENTRY_COUNT_MAX * offsetof<ChainEntry>(), 16);
  }

  /** Entry number `position` of the chain, below `count`. */
  at(position: u32): ChainEntry {
    return changetype<ChainEntry>(this.entriesPtr + <usize>position * offsetof<ChainEntry>());
  }

  read(queue: Virtqueue, chain: i32): void {
    this.head = <u32>chain * queue.headStep;
    this.isInRing = isOffered(queue, this.head);
    this.isIndirect = queue.isIndirect;
    const tablePtr = queue.isIndirect
      ? queue.chainsPtr + <usize>chain * queue.chainBytes
      : queue.descPtr;
    this.isTableRight = !queue.isIndirect || pointsTo(queue, this.head, tablePtr);
    const limit = queue.isIndirect ? ENTRY_COUNT_MAX : queue.size;
    this.follow(tablePtr, queue.isIndirect ? 0 : this.head, limit);
  }

  private follow(tablePtr: usize, first: u32, limit: u32): void {
    this.count = 0;
    this.isEnded = false;
    let index = first;
    while (this.count < ENTRY_COUNT_MAX && index < limit && !this.isEnded) {
      const desc = changetype<VirtqDesc>(tablePtr + <usize>index * DESC_BYTES);
      const entry = this.at(this.count);
      entry.phys = desc.addr;
      entry.lengthBytes = desc.len;
      entry.flags = desc.flags;
      entry.next = desc.next;
      entry.index = index;
      this.count += 1;
      this.isEnded = !(desc.flags & VIRTQ_DESC_F_NEXT);
      index = desc.next;
    }
  }
}

/** Whether `head` is among the slots of the available ring that are in use. */
function isOffered(queue: Virtqueue, head: u32): bool {
  for (let back: u32 = 1; back <= min(queue.size, queue.publishedIdx); ++back) {
    const slot = <usize>((queue.publishedIdx - back) & (queue.size - 1));
    const at = queue.availPtr + VIRTQ_RING_SLOTS + slot * sizeof<u16>();
    if (<u32>load<u16>(at) == head) return true;
  }
  return false;
}

/** Whether descriptor `head` of the ring stands for the table at `tablePtr`. */
function pointsTo(queue: Virtqueue, head: u32, tablePtr: usize): bool {
  const desc = changetype<VirtqDesc>(queue.descPtr + <usize>head * DESC_BYTES);
  const isWhole = desc.len > 0 && desc.len % <u32>DESC_BYTES == 0;
  return desc.flags == VIRTQ_DESC_F_INDIRECT && desc.addr == physOf(tablePtr) && isWhole;
}
