/**
 * What a driver must never do to its queue, for `fault`: addresses outside memory, a ring that
 * makes no sense, descriptors that change when the device has them. The host has to stop each.
 */
import { physOf } from "../dma";
import { VIRTQ_DESC_F_INDIRECT, VIRTQ_RING_IDX, VirtqDesc } from "./layout";
import { Chain, Virtqueue } from "./queue";

/** Less than any block: a buffer that begins so far before an end goes over it. */
const STEP_BYTES: u64 = 256;

/** More than any block: a buffer that begins so far before an end does not reach it. */
const LEAP_BYTES: u64 = 65536;

/** More than a queue has entries. */
const RING_LEAP: u16 = 1000;

function memoryEndPhys(): u64 {
  return physOf(0) + ((<u64>memory.size()) << 16);
}

function dataOf(chain: Chain): VirtqDesc {
  return changetype<VirtqDesc>(chain.dataDescPtr);
}

/** The data buffer lies below linear memory. */
export function moveBelowMemory(chain: Chain): void {
  dataOf(chain).addr = physOf(0) - LEAP_BYTES;
}

/** The data buffer ends above linear memory. */
export function moveAboveMemory(chain: Chain): void {
  dataOf(chain).addr = memoryEndPhys() - STEP_BYTES;
}

/** The sum of address and length is beyond 64 bits. */
export function moveAroundEnd(chain: Chain): void {
  dataOf(chain).addr = 0 - STEP_BYTES;
}

/** The chain is a table outside linear memory. */
export function moveTable(queue: Virtqueue, chain: Chain): void {
  const head = changetype<VirtqDesc>(queue.descPtr + <usize>chain.head * offsetof<VirtqDesc>());
  head.addr = memoryEndPhys();
  head.len = 2 * <u32>offsetof<VirtqDesc>();
  head.flags = VIRTQ_DESC_F_INDIRECT;
}

/** The available ring names a descriptor that the queue does not have, for the chain sent last. */
export function nameNoDescriptor(queue: Virtqueue): void {
  const slot = (queue.availIdx - 1) & queue.slotMask;
  store<u16>(queue.slotsPtr + <usize>slot * sizeof<u16>(), <u16>queue.size);
}

/** The used ring is overwritten as if the device had used more than it was given. */
export function leapUsed(queue: Virtqueue): void {
  store<u16>(queue.usedPtr + VIRTQ_RING_IDX, <u16>queue.usedIdx + RING_LEAP);
}
