/**
 * Requests of one disk: a record and a frame for each chain of the queue.
 *
 * The frame is what the device sees: header and status byte. The record is ours: what is to be
 * done, for whom, how far it has come. A slot is free or in flight; in flight, its frame and its
 * data belong to the device.
 */
import { reserve } from "../util/arena";
import { E_OK } from "../util/errors";
import { Chain, QUEUE_SIZE_LIMIT } from "../virtio/queue";
import * as layout from "./layout";

/** A record, padded so that no frame lies across a line of a cache. */
const RECORD_BYTES: usize = 128;

/** Templates: for reads, for writes, and one that never fits for everything else. */
const TEMPLATE_COUNT: usize = 3;

/** One of several buffers of a request, as a list of them holds it. */
@unmanaged
export class Buffer {
  ptr: usize;
  lengthBytes: u32;
}

/** One of several transfers that are submitted together. */
@unmanaged
export class Transfer {
  lba: u64;
  dataPtr: usize;
}

/** Requests that have ended and whose owner has not been told, linked by `nextFree`. */
@unmanaged
export class Run {
  owner: Owner | null;
  first: Request;
  last: Request;
  count: u32;
}

/** Who sent a request, and is told when it has ended. */
export abstract class Owner {
  /**
   * Requests that were submitted together have ended well. They are not free yet: whoever overrides
   * this gives them back.
   */
  completedRun(run: Run, requests: RequestTable, latencyNs: u64): void {
    let request = run.first;
    for (let i: u32 = 0; i < run.count; ++i) {
      const next = request.nextFree;
      requests.give(request);
      this.completed(request.index, E_OK, latencyNs);
      request = next;
    }
  }

  /**
   * The request in `slot` of a disk has ended with `result`, E_OK or an error, `latencyNs` after it
   * was sent. The slot is free already, so a new request may be submitted from here; it is sent
   * with the others at the end of the poll.
   */
  abstract completed(slot: i32, result: i32, latencyNs: u64): void;
}

@unmanaged
export class Request extends Chain {
  // The frame: what the device sees (layout.BlkRequestHeader, and the status byte)
  private frameType: u32;
  private frameReserved: u32;
  private frameSector: u64;
  private frameStatus: u8;

  /** Whom to tell; the slot is in flight while there is one. */
  owner: Owner | null;
  type: u32;
  lba: u64;
  submittedNs: u64;
  /** The same number for requests that are alike and were submitted together, never 0. */
  batch: u32;
  /** When the last chain was sent that was not the first one of its request. */
  sentNs: u64;
  /** How often it has been sent again, or the error that the recovery ends it with. */
  verdict: i32;
  /** The data; with more than one buffer, the list of them. */
  dataPtr: usize;
  bufferCount: u32;
  lengthBytes: u32;
  /** Data bytes of the chains that are done, and of the one in flight. */
  doneBytes: u32;
  chainBytes: u32;
  /** Whether the chain in flight is not the last one. */
  hasMore: bool;
  /** The next free slot, while this one is free. */
  private nextFreePtr: usize;

  /** The template that the slot is described by, if it is still the one of that number. */
  readyKey: u32;

  /** Fills in the header for the next chain, and presets the status byte (§5.2.6). */
  writeFrame(): void {
    changetype<layout.BlkRequestHeader>(this.framePtr).type = this.type;
    this.writePlace(this.lba + <u64>(this.doneBytes / layout.SECTOR_BYTES));
  }

  /** What of the frame differs between two transfers that are alike. */
  writePlace(lba: u64): void {
    this.frameSector = lba;
    this.frameStatus = layout.STATUS_UNTOUCHED;
  }

  readStatus(): u8 {
    return this.frameStatus;
  }

  get framePtr(): usize {
    return changetype<usize>(this) + offsetof<Request>("frameType");
  }

  statusPtr(): usize {
    return changetype<usize>(this) + offsetof<Request>("frameStatus");
  }

  get nextFree(): Request {
    return changetype<Request>(this.nextFreePtr);
  }

  set nextFree(request: Request) {
    this.nextFreePtr = changetype<usize>(request);
  }

  /** Since when the device has had the chain that is in flight. */
  get sinceNs(): u64 {
    return max(this.submittedNs, this.sentNs);
  }
}

/**
 * What transfers of one chain, of one type and length, have in common. A slot that was described by
 * it and not used otherwise since needs no checks but those of place and memory.
 */
@unmanaged
export class Template {
  /** Changes with everything below, and when the disk is not what it was. */
  key: u32;
  lengthBytes: u32;
  /** As far as such a transfer may reach. */
  ptrLast: usize;
  lbaLast: u64;
  /** Bits of a sector number that are 0 where a block begins. */
  lbaMask: u32;
  /** What the queue takes for such a chain. */
  lengthLimit: u32;

  /** Whether a transfer from `lba` on, from or to `dataPtr`, is inside the disk and memory. */
  takes(lba: u64, dataPtr: usize): bool {
    const isBeyond = u32(lba > this.lbaLast) | u32(dataPtr > this.ptrLast);
    return (isBeyond | ((<u32>lba) & this.lbaMask)) == 0;
  }
}

export class RequestTable {
  private templatesPtr: usize;
  private lastKey: u32;
  /** The free slots, linked; the last one is `none`, which is never ready. */
  private firstFreePtr: usize;
  private none!: Request;
  private recordsPtr: usize;

  init(): void {
    this.recordsPtr = reserve(<usize>QUEUE_SIZE_LIMIT * RECORD_BYTES, RECORD_BYTES);
    this.none = changetype<Request>(reserve(offsetof<Request>(), 16));
    this.firstFree = this.none;
    this.templatesPtr = reserve(TEMPLATE_COUNT * offsetof<Template>(), 16);
    this.forget();
  }

  get firstFree(): Request {
    return changetype<Request>(this.firstFreePtr);
  }

  set firstFree(request: Request) {
    this.firstFreePtr = changetype<usize>(request);
  }

  /** A free slot, which is the caller's until it is given back, or null. */
  take(): Request | null {
    const request = this.firstFree;
    if (request == this.none) return null;
    this.firstFree = request.nextFree;
    return request;
  }

  give(request: Request): void {
    request.nextFree = this.firstFree;
    this.firstFree = request;
  }

  giveRun(run: Run): void {
    run.last.nextFree = this.firstFree;
    this.firstFree = run.first;
  }

  /** Nothing is free until it is given. */
  clear(): void {
    this.firstFree = this.none;
    this.forget();
  }

  /** The disk is not what it was: every transfer is checked and described anew. */
  forget(): void {
    for (let type: u32 = 0; type < <u32>TEMPLATE_COUNT; ++type) {
      const template = this.template(type);
      template.key = this.newKey();
      template.lengthBytes = 0;
    }
  }

  /** The template for requests of a type. */
  template(type: u32): Template {
    const index = min<usize>(type, TEMPLATE_COUNT - 1);
    return changetype<Template>(this.templatesPtr + index * offsetof<Template>());
  }

  /** A number that no slot is described by. */
  newKey(): u32 {
    this.lastKey += 1;
    return this.lastKey;
  }

  at(slot: i32): Request {
    return changetype<Request>(this.recordsPtr + <usize>slot * RECORD_BYTES);
  }
}
