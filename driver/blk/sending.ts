/**
 * Puts chains into the ring: any request, described from the beginning, or many transfers like the
 * ones before, of which only the place and the memory differ.
 */
import { physOf } from "../dma";
import { VIRTQ_DESC_F_WRITE } from "../virtio/layout";
import { moveData, putHead } from "../virtio/queue";
import { BlkDevice } from "./device";
import * as layout from "./layout";
import { Owner, Request, Template, Transfer } from "./request";
import { describeSegments, nextChainBytes } from "./segments";

/** Puts the next chain of `request` into the ring: header, data, status (§5.2.6). */
export function sendNext(disk: BlkDevice, request: Request): void {
  const queue = disk.queue;
  const slot = request.index;
  request.readyKey = 0;
  const lengthBytes = request.lengthBytes;
  const isRead = readsIntoMemory(request.type);
  const flags = isRead ? VIRTQ_DESC_F_WRITE : 0;
  let count: u32 = 1;
  if (request.bufferCount == 1 && lengthBytes <= disk.config.segmentBytesMax) {
    request.chainBytes = lengthBytes;
    if (lengthBytes == 0) count = 0;
    else queue.describeData(slot, 0, request.dataPtr, lengthBytes, flags);
  } else {
    request.chainBytes = nextChainBytes(request, disk.config);
    assert(request.chainBytes > 0, "what is left of the request does not fit a chain");
    count = describeSegments(request, disk.config, queue, slot, flags);
  }
  request.hasMore = request.doneBytes + request.chainBytes < lengthBytes;
  request.writeFrame();
  request.sentNs = disk.nowNs;
  queue.send(request, queue.endChain(slot, count, (isRead ? request.chainBytes : 0) + 1));
}

/** A transfer like the one that has just been sent needs no checks and no description. */
export function makeReady(disk: BlkDevice, request: Request): void {
  const config = disk.config;
  const lengthBytes = request.lengthBytes;
  const template = disk.requests.template(request.type);
  if (lengthBytes > config.segmentBytesMax) return;
  if (lengthBytes != template.lengthBytes) {
    template.key = disk.requests.newKey();
    template.lengthBytes = lengthBytes;
    template.ptrLast = (memory.size() << 16) - lengthBytes;
    template.lbaLast = config.capacitySectors - lengthBytes / layout.SECTOR_BYTES;
    template.lbaMask = config.blockBytes / layout.SECTOR_BYTES - 1;
    template.lengthLimit = request.lengthLimit;
  }
  request.readyKey = template.key;
}

/**
 * Sends up to `count` transfers of a template, `listPtr` points to as many of type Transfer, for as
 * long as the free slots are ready for them. `count` is at least 1. Returns how many. What the loop
 * needs is in locals, since this is where most of the instructions of a request go.
 */
export function sendReady(
  disk: BlkDevice,
  template: Template,
  listPtr: usize,
  count: u32,
  owner: Owner,
): u32 {
  const requests = disk.requests;
  const queue = disk.queue;
  if (queue.isIdle()) disk.readClock();
  const nowNs = disk.nowNs;
  const batch = disk.nextBatch();
  const key = template.key;
  const lbaLast = template.lbaLast;
  const lbaMask = template.lbaMask;
  const ptrLast = template.ptrLast;
  const lengthLimit = template.lengthLimit;
  const basePhys = physOf(0);
  const slotsPtr = queue.slotsPtr;
  const slotMask = queue.slotMask;
  let request = requests.firstFree;
  const startIdx = queue.availIdx;
  const endIdx = startIdx + count;
  let availIdx = startIdx;
  do {
    const lba = changetype<Transfer>(listPtr).lba;
    const dataPtr = changetype<Transfer>(listPtr).dataPtr;
    const isBeyond = u32(lba > lbaLast) | u32(dataPtr > ptrLast) | ((<u32>lba) & lbaMask);
    if (isBeyond | (request.readyKey ^ key)) break;
    request.owner = owner;
    request.lba = lba;
    request.dataPtr = dataPtr;
    request.submittedNs = nowNs;
    request.batch = batch;
    request.writePlace(lba);
    request.lengthLimit = lengthLimit;
    moveData(request, basePhys + <u64>dataPtr);
    putHead(slotsPtr, availIdx & slotMask, request);
    request = request.nextFree;
    listPtr += offsetof<Transfer>();
  } while (++availIdx != endIdx);
  requests.firstFree = request;
  queue.availIdx = availIdx;
  return availIdx - startIdx;
}

/** Whether the device writes the data of a request of this type. */
function readsIntoMemory(type: u32): bool {
  return (
    type == layout.VIRTIO_BLK_T_IN ||
    type == layout.VIRTIO_BLK_T_GET_ID ||
    type == layout.VIRTIO_BLK_T_GET_LIFETIME
  );
}
