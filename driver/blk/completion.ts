/**
 * Takes used requests back: believes the device's answer where it can be true, counts it, goes on
 * with what is split, tells the owners.
 */
import * as err from "../util/errors";
import { BlkDevice } from "./device";
import * as layout from "./layout";
import { isRangeType } from "./checks";
import { Request } from "./request";
import { bucketOf, kindOf } from "./statistics";

/**
 * Completes `count` used entries. Those that are done and went well are the most, so they come
 * first; they are counted in runs of the same type and latency bucket.
 */
export function completeUsed(disk: BlkDevice, count: u32): void {
  const queue = disk.queue;
  let runType: u32 = layout.VIRTIO_BLK_T_IN;
  let isTransfer = true;
  let runFloorNs: u64 = 0;
  let runWidthNs: u64 = 0;
  let runCount: u64 = 0;
  let runBytes: u64 = 0;
  let maxLatencyNs = disk.statistics.maxLatencyNs;
  let error = err.E_OK;
  let index: u32 = 0;
  for (; index < count; ++index) {
    const slot = queue.usedChain(index);
    if (slot < 0) {
      error = slot;
      break;
    }
    const request = disk.requests.at(slot);
    const isWhole = request.doneBytes + request.chainBytes == request.lengthBytes;
    if (request.readStatus() != layout.VIRTIO_BLK_S_OK || !isWhole) {
      error = continueOrFail(disk, request, slot);
      if (error != err.E_OK) break;
      continue;
    }
    const latencyNs = disk.nowNs - request.submittedNs;
    if (latencyNs - runFloorNs >= runWidthNs || request.type != runType) {
      disk.statistics.addRun(kindOf(runType), runFloorNs, runCount, runBytes);
      runType = request.type;
      isTransfer = runType <= layout.VIRTIO_BLK_T_OUT;
      runFloorNs = (<u64>1) << bucketOf(latencyNs);
      runWidthNs = runFloorNs;
      runCount = 0;
      runBytes = 0;
    }
    if (latencyNs > maxLatencyNs) maxLatencyNs = latencyNs;
    runCount += 1;
    runBytes += isTransfer ? request.lengthBytes : coveredBytes(request);
    disk.end(request, slot, err.E_OK, latencyNs);
  }
  disk.statistics.addRun(kindOf(runType), runFloorNs, runCount, runBytes);
  disk.statistics.maxLatencyNs = maxLatencyNs;
  queue.releaseUsed(index);
  if (index > 0) disk.recovery.noteProgress();
  if (error != err.E_OK) disk.recovery.begin(error);
}

/**
 * Goes on with a request whose chain is done, or ends one that has failed. Returns E_STATUS when
 * the device has not written the status byte: the chain is not really done then, and only a reset
 * makes its memory ours again.
 */
function continueOrFail(disk: BlkDevice, request: Request, slot: i32): i32 {
  const status = request.readStatus();
  if (status == layout.STATUS_UNTOUCHED) {
    request.verdict = err.E_STATUS;
    return err.E_STATUS;
  }
  const result = chainResult(status);
  request.doneBytes += request.chainBytes;
  if (result == err.E_OK) {
    disk.statistics.splits += 1;
    disk.sendNext(request, slot);
  } else {
    disk.statistics.addError(kindOf(request.type), result);
    disk.end(request, slot, result, disk.nowNs - request.submittedNs);
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
