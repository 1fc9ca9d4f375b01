/**
 * Requests of one disk: a record and a frame for each chain of the queue.
 *
 * The frame is what the device sees: header and status byte. The record is ours: what is to be
 * done, for whom, how far it has come. A slot is free or in flight; in flight, its frame and its
 * data belong to the device.
 */
import { reserve } from "../util/arena";
import { QUEUE_SIZE_LIMIT } from "../virtio/queue";
import * as layout from "./layout";

/** Header and status byte, padded so that headers stay aligned. */
const FRAME_BYTES: usize = 32;
const FRAME_STATUS: usize = 16;

/** One of several buffers of a request, as a list of them holds it. */
@unmanaged
export class Buffer {
  ptr: usize;
  lengthBytes: u32;
}

/** Who sent a request, and is told when it has ended. */
export abstract class Owner {
  /**
   * The request in `slot` of a disk has ended with `result`, E_OK or an error, `latencyNs` after it
   * was sent. The slot is free already, so a new request may be submitted from here; it is sent
   * with the others at the end of the poll.
   */
  abstract completed(slot: i32, result: i32, latencyNs: u64): void;
}

@unmanaged
export class Request {
  /** Whom to tell; the slot is in flight while there is one. */
  owner: Owner | null;
  type: u32;
  lba: u64;
  submittedNs: u64;
  /** When the chain that is in flight was sent. */
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
  framePtr: usize;

  /** Fills in the header for the next chain, and presets the status byte (§5.2.6). */
  writeFrame(): void {
    const header = changetype<layout.BlkRequestHeader>(this.framePtr);
    header.type = this.type;
    header.sector = this.lba + <u64>(this.doneBytes / layout.SECTOR_BYTES);
    store<u8>(this.framePtr, layout.STATUS_UNTOUCHED, FRAME_STATUS);
  }

  readStatus(): u8 {
    return load<u8>(this.framePtr, FRAME_STATUS);
  }

  statusPtr(): usize {
    return this.framePtr + FRAME_STATUS;
  }
}

export class RequestTable {
  private recordsPtr: usize;

  init(): void {
    const framesPtr = reserve(<usize>QUEUE_SIZE_LIMIT * FRAME_BYTES, FRAME_BYTES);
    this.recordsPtr = reserve(<usize>QUEUE_SIZE_LIMIT * offsetof<Request>(), 16);
    for (let slot: u32 = 0; slot < QUEUE_SIZE_LIMIT; ++slot) {
      this.at(slot).framePtr = framesPtr + <usize>slot * FRAME_BYTES;
    }
  }

  at(slot: i32): Request {
    return changetype<Request>(this.recordsPtr + <usize>slot * offsetof<Request>());
  }
}
