/**
 * Takes used requests back: believes the device's answer where it can be true, counts it, goes on
 * with what is split, tells the owners.
 */
import * as err from "../util/errors";
import { VirtqUsedElem } from "../virtio/layout";
import { recordOf } from "../virtio/queue";
import { BlkDevice } from "./device";
import * as layout from "./layout";
import { isRangeType } from "./checks";
import { Owner, Request, Run } from "./request";
import { sendNext } from "./sending";
import { kindOf } from "./statistics";

const run = changetype<Run>(memory.data(offsetof<Run>(), 16));

/**
 * Completes `count` used entries. A single one is what a depth of one always has: it goes the
 * shortest way.
 */
export function completeUsed(disk: BlkDevice, count: u32): void {
  if (count > 1 || !completeOne(disk)) completeMany(disk, count);
}

/** Completes one used entry if it is a transfer that is done and went well, otherwise nothing. */
function completeOne(disk: BlkDevice): bool {
  const queue = disk.queue;
  const slotMask = queue.slotMask;
  const place = <usize>(queue.usedIdx & slotMask) * offsetof<VirtqUsedElem>();
  const elem = changetype<VirtqUsedElem>(queue.usedEntriesPtr + place);
  const id = elem.id;
  if (id > slotMask) return false;
  const request = changetype<Request>(recordOf(queue.recordPtrs, id));
  const isWrong = u32((elem.len & queue.lengthMask) >= request.lengthLimit);
  const type = request.type;
  const isOther = u32(type > layout.VIRTIO_BLK_T_OUT) | (<u32>request.hasMore);
  if (isWrong | isOther | (<u32>request.readStatus())) return false;
  request.lengthLimit = 0;
  const owner = changetype<Owner>(request.owner);
  request.owner = null;
  run.first = request;
  run.last = request;
  run.owner = owner;
  run.count = 1;
  const latencyNs = disk.nowNs - request.submittedNs;
  const lengthBytes = request.lengthBytes;
  owner.completedRun(run, disk.requests, latencyNs);
  queue.releaseUsed(1);
  disk.recovery.noteProgress();
  // What the owner has sent goes first: the device works while this is counted
  if (queue.hasUnpublished()) disk.dispatch();
  disk.statistics.addTransfer(type, latencyNs, lengthBytes);
  return true;
}

/**
 * Completes `count` used entries. Those that are done and went well are the most, so they come
 * first; they are counted, and their owners told, in runs that were submitted together.
 */
function completeMany(disk: BlkDevice, count: u32): void {
  const queue = disk.queue;
  const entriesPtr = queue.usedEntriesPtr;
  const recordPtrs = queue.recordPtrs;
  const slotMask = queue.slotMask;
  const lengthMask = queue.lengthMask;
  const firstIdx = queue.usedIdx;
  const endIdx = firstIdx + count;
  let error = err.E_OK;
  let batch: u32 = 0;
  let last = changetype<Request>(0);
  let idx = firstIdx;
  let runIdx = firstIdx;
  for (; idx != endIdx; ++idx) {
    const entryPtr = entriesPtr + <usize>(idx & slotMask) * offsetof<VirtqUsedElem>();
    const elem = changetype<VirtqUsedElem>(entryPtr);
    const id = elem.id;
    if (id > slotMask) {
      error = err.E_USED_RING;
      break;
    }
    const request = changetype<Request>(recordOf(recordPtrs, id));
    if ((elem.len & lengthMask) >= request.lengthLimit) {
      error = err.E_USED_RING;
      break;
    }
    request.lengthLimit = 0;
    const status = <u32>request.readStatus();
    if (status | (request.batch ^ batch)) {
      if (idx != runIdx) endRun(disk, last, idx - runIdx);
      runIdx = idx;
      batch = 0;
      if (status | (<u32>request.hasMore)) {
        runIdx = idx + 1;
        error = continueOrFail(disk, request);
      }
      if (error != err.E_OK) break;
      if (runIdx != idx) continue;
      batch = request.batch;
      run.last = request;
      run.owner = request.owner;
    }
    request.owner = null;
    request.nextFree = last;
    last = request;
  }
  if (<i32>(idx - runIdx) > 0) endRun(disk, last, idx - runIdx);
  queue.releaseUsed(idx - firstIdx);
  if (idx != firstIdx) disk.recovery.noteProgress();
  if (error != err.E_OK) disk.recovery.begin(error);
}

/** Counts the requests of a run, all of them alike, and tells their owner. */
function endRun(disk: BlkDevice, first: Request, count: u32): void {
  const latencyNs = disk.nowNs - first.submittedNs;
  const bytes =
    first.type <= layout.VIRTIO_BLK_T_OUT ? <u64>first.lengthBytes * count : coveredBytes(first);
  disk.statistics.addRun(kindOf(first.type), latencyNs, count, bytes);
  run.first = first;
  run.count = count;
  changetype<Owner>(run.owner).completedRun(run, disk.requests, latencyNs);
}

/**
 * Goes on with a request whose chain is done, or ends one that has failed. Returns E_STATUS when
 * the device has not written the status byte: the chain is not really done then, and only a reset
 * makes its memory ours again.
 */
function continueOrFail(disk: BlkDevice, request: Request): i32 {
  const status = request.readStatus();
  if (status == layout.STATUS_UNTOUCHED) {
    request.verdict = err.E_STATUS;
    return err.E_STATUS;
  }
  const result = chainResult(status);
  if (result == err.E_OK) {
    request.doneBytes += request.chainBytes;
    disk.statistics.splits += 1;
    sendNext(disk, request);
  } else {
    disk.statistics.addError(kindOf(request.type), result);
    disk.end(request, request.index, result, disk.nowNs - request.submittedNs);
  }
  return err.E_OK;
}

/** Bytes of the disk that a request which moves no data was about. */
function coveredBytes(request: Request): u64 {
  if (!isRangeType(request.type)) return request.lengthBytes;
  let sectors: u64 = 0;
  for (let at: usize = 0; at < request.lengthBytes; at += offsetof<layout.BlkRange>()) {
    sectors += changetype<layout.BlkRange>(request.dataPtr + at).sectorCount;
  }
  return sectors * layout.SECTOR_BYTES;
}

/** What the status byte says; anything that the device is not allowed to write is E_STATUS. */
function chainResult(status: u8): i32 {
  switch (status) {
    case layout.VIRTIO_BLK_S_OK:
      return err.E_OK;
    case layout.VIRTIO_BLK_S_IOERR:
      return err.E_IO;
    case layout.VIRTIO_BLK_S_UNSUPP:
      return err.E_UNSUPPORTED;
    default:
      return err.E_STATUS;
  }
}
