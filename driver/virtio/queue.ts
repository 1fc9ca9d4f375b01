/**
 * A split virtqueue (§2.7), driver side.
 *
 * The queue trusts its own record only: which descriptors are free, how the chains are linked, what
 * is in flight. It never reads back what it wrote into shared memory, and it checks every used
 * entry before it believes it. Buffers stay the device's from `add` until `pop` returns their
 * token, or until the device has been reset.
 *
 *   beginChain, addBuffer.., endChain -> publish -> (device works) -> pop -> token
 */
import * as host from "../host";
import { pageAlign, physOf, reservePages } from "../dma";
import { placeArray } from "../util/arena";
import { E_USED_RING } from "../util/errors";
import {
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

/** `pop` has nothing. */
export const NO_TOKEN: i32 = i32.MAX_VALUE;

/** End of the free list. No descriptor has this index: QUEUE_SIZE_LIMIT is below it. */
const NO_DESCRIPTOR: u16 = 0xffff;

export class Virtqueue {
  size: u32;
  descPtr: usize;
  availPtr: usize;
  usedPtr: usize;
  /** Descriptors not in any chain. */
  freeCount: u32;
  /** Chains that the device has. */
  inFlightCount: u32;

  private areaPtr: usize;
  private freeHead: u16;
  private availIdx: u16;
  private usedIdx: u16;
  private seenUsedIdx: u16;
  private chainHead: u16;
  private chainTail: u16;
  private tailFlags: u16;
  private checksUsedLength: bool;

  // Our record, an entry a descriptor: `next` links the free list and the chains; the others count
  // for heads only
  private next!: StaticArray<u16>;
  private chainLength!: StaticArray<u16>;
  private writableBytes!: StaticArray<u32>;
  private token!: StaticArray<i32>;

  /** Reserves memory for the largest queue. Called once. */
  init(): void {
    this.areaPtr = reservePages(
      pageAlign(virtqDescBytes(QUEUE_SIZE_LIMIT) + virtqAvailBytes(QUEUE_SIZE_LIMIT)) +
        virtqUsedBytes(QUEUE_SIZE_LIMIT),
    );
    this.next = placeArray<u16>(QUEUE_SIZE_LIMIT);
    this.chainLength = placeArray<u16>(QUEUE_SIZE_LIMIT);
    this.writableBytes = placeArray<u32>(QUEUE_SIZE_LIMIT);
    this.token = placeArray<i32>(QUEUE_SIZE_LIMIT);
  }

  /**
   * Empties the queue and lays it out for `size` entries, a power of two up to QUEUE_SIZE_LIMIT.
   * The device must have been reset. The layout is the legacy one (§2.7.2), which suits every
   * device: table, available ring, used ring on the next page. `checksUsedLength` is false for
   * legacy devices, whose used lengths mean nothing (§2.7.8.1).
   */
  layOut(size: u32, checksUsedLength: bool): void {
    this.size = size;
    this.checksUsedLength = checksUsedLength;
    this.descPtr = this.areaPtr;
    this.availPtr = this.descPtr + virtqDescBytes(size);
    this.usedPtr = pageAlign(this.availPtr + virtqAvailBytes(size));
    memory.fill(this.areaPtr, 0, this.usedPtr + virtqUsedBytes(size) - this.areaPtr);

    for (let i: u32 = 0; i < size; ++i) {
      this.next[i] = i + 1 < size ? <u16>(i + 1) : NO_DESCRIPTOR;
      this.chainLength[i] = 0;
    }
    this.freeHead = 0;
    this.freeCount = size;
    this.inFlightCount = 0;
    this.availIdx = 0;
    this.usedIdx = 0;
    this.seenUsedIdx = 0;
  }

  /** Starts a chain. The caller has made sure that `freeCount` covers all its buffers. */
  beginChain(): void {
    assert(this.freeCount > 0, "no free descriptor");
    this.chainHead = this.freeHead;
    this.chainLength[this.chainHead] = 0;
    this.writableBytes[this.chainHead] = 0;
  }

  /**
   * Adds a buffer that the device only reads. All of these come before the first writable one
   * (§2.7.4.2).
   */
  addReadable(ptr: usize, lengthBytes: u32): void {
    this.addBuffer(ptr, lengthBytes, 0);
  }

  /** Adds a buffer that the device only writes. */
  addWritable(ptr: usize, lengthBytes: u32): void {
    this.writableBytes[this.chainHead] += lengthBytes;
    this.addBuffer(ptr, lengthBytes, VIRTQ_DESC_F_WRITE);
  }

  private addBuffer(ptr: usize, lengthBytes: u32, flags: u16): void {
    const index = this.freeHead;
    assert(index != NO_DESCRIPTOR, "chain is longer than the free list");
    assert(lengthBytes > 0, "empty buffer");
    this.freeHead = this.next[index];
    this.freeCount -= 1;
    this.chainLength[this.chainHead] += 1;
    this.chainTail = index;

    // Every descriptor links to the next free one, and endChain takes that off the last again
    const desc = this.descriptor(index);
    desc.addr = physOf(ptr);
    desc.len = lengthBytes;
    desc.flags = flags | VIRTQ_DESC_F_NEXT;
    desc.next = this.freeHead;
    this.tailFlags = flags;
  }

  /** Ends the chain and puts it into the available ring, unseen by the device until `publish`. */
  endChain(token: i32): void {
    const last = this.descriptor(this.chainTail);
    last.flags = this.tailFlags;
    last.next = 0;
    this.token[this.chainHead] = token;
    const slot = <usize>(this.availIdx & (<u16>(this.size - 1)));
    store<u16>(this.availPtr + VIRTQ_RING_SLOTS + slot * sizeof<u16>(), this.chainHead);
    this.availIdx += 1;
    this.inFlightCount += 1;
  }

  /** Makes all ended chains visible to the device. Returns whether it wants to be notified. */
  publish(): bool {
    host.fence(); // descriptors and slots before idx (§2.7.13.3.1)
    store<u16>(this.availPtr + VIRTQ_RING_IDX, this.availIdx);
    host.fence(); // idx before the flags are read (§2.7.13.4.1)
    return !(load<u16>(this.usedPtr + VIRTQ_RING_FLAGS) & VIRTQ_USED_F_NO_NOTIFY);
  }

  /**
   * Takes one used chain back. Returns its token, NO_TOKEN when there is none, or E_USED_RING when
   * the device wrote what cannot be true; the queue is then unusable until the device has been
   * reset.
   */
  pop(): i32 {
    if (this.usedIdx == this.seenUsedIdx && !this.refreshUsedIdx()) return NO_TOKEN;
    if (<u32>(<u16>(this.seenUsedIdx - this.usedIdx)) > this.inFlightCount) return E_USED_RING;

    const slot = <usize>(this.usedIdx & (<u16>(this.size - 1)));
    const elem = changetype<VirtqUsedElem>(
      this.usedPtr + VIRTQ_RING_SLOTS + slot * offsetof<VirtqUsedElem>(),
    );
    const head = elem.id;
    if (head >= this.size || this.chainLength[head] == 0) return E_USED_RING;
    if (this.checksUsedLength && elem.len > this.writableBytes[head]) return E_USED_RING;
    this.usedIdx += 1;
    this.inFlightCount -= 1;
    this.freeChain(<u16>head);
    return this.token[head];
  }

  /** Looks at used.idx. Returns whether it has moved. */
  private refreshUsedIdx(): bool {
    this.seenUsedIdx = load<u16>(this.usedPtr + VIRTQ_RING_IDX);
    if (this.seenUsedIdx == this.usedIdx) return false;
    // idx before entries, status and data (§2.7.14), for the compiler as well as for the CPU
    host.fence();
    return true;
  }

  /**
   * Puts a whole chain at the front of the free list: its last descriptor links to the old front.
   */
  private freeChain(head: u16): void {
    let last = head;
    for (let i: u32 = 1; i < this.chainLength[head]; ++i) last = this.next[last];
    this.next[last] = this.freeHead;
    this.freeHead = head;
    this.freeCount += this.chainLength[head];
    this.chainLength[head] = 0;
  }

  private descriptor(index: u16): VirtqDesc {
    return changetype<VirtqDesc>(this.descPtr + <usize>index * offsetof<VirtqDesc>());
  }
}
