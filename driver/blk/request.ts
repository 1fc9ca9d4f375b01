/**
 * Requests of one disk: a fixed pool of slots, each with the header and the status byte that the
 * device sees.
 *
 * A slot moves FREE -> QUEUED -> IN_FLIGHT -> DONE -> FREE. While it is IN_FLIGHT, its header,
 * status and data belong to the device. A handle names a slot and a generation, so that a handle
 * kept too long is refused, not mistaken.
 */
import { place, placeArray, reserve } from "../util/arena";
import { E_BUSY } from "../util/errors";
import * as layout from "./layout";

/** Requests that one disk takes at a time, queued or in flight. */
export const REQUEST_COUNT: i32 = 256;

export enum RequestState {
  FREE,
  QUEUED,
  IN_FLIGHT,
  DONE,
}

/** Header and status byte, padded so that headers stay aligned. */
const FRAME_BYTES: usize = 32;
const FRAME_STATUS: usize = 16;

/** Handle: generation, disk in three bits, slot in eight; never negative. */
const SLOT_BITS: i32 = 8;
const DISK_BITS: i32 = 3;
const GENERATION_MASK: i32 = 0xfffff;

export class Request {
  state: RequestState;
  type: u32;
  lba: u64;
  dataPtr: usize;
  lengthBytes: u32;
  /** Data bytes of the chains that are done. */
  doneBytes: u32;
  /** Data bytes of the chain that is in flight. */
  chainBytes: u32;
  /** E_OK or the error, once DONE. */
  result: i32;
  submittedNs: u64;
  slot: i32;
  generation: i32;
  /** Next slot of the list that this one is in, or -1. */
  nextSlot: i32;
  headerPtr: usize;
  statusPtr: usize;

  /** Fills in the header for the next chain, and presets the status byte (§5.2.6). */
  writeFrame(): void {
    const header = changetype<layout.BlkRequestHeader>(this.headerPtr);
    header.type = this.type;
    header.reserved = 0;
    header.sector = this.lba + <u64>(this.doneBytes / layout.SECTOR_BYTES);
    store<u8>(this.statusPtr, layout.STATUS_UNTOUCHED);
  }

  readStatus(): u8 {
    return load<u8>(this.statusPtr);
  }
}

/** A first-in first-out list of slots. */
class SlotList {
  first: i32;
  last: i32;
}

export class RequestPool {
  private diskIndex: i32;
  private slots!: StaticArray<Request>;
  private free!: SlotList;
  private queued!: SlotList;

  init(diskIndex: i32): void {
    this.diskIndex = diskIndex;
    this.slots = placeArray<Request>(REQUEST_COUNT);
    this.free = placeList();
    this.queued = placeList();
    const framesPtr = reserve(<usize>REQUEST_COUNT * FRAME_BYTES, FRAME_BYTES);
    for (let slot = 0; slot < REQUEST_COUNT; ++slot) {
      const request = place<Request>();
      request.slot = slot;
      request.headerPtr = framesPtr + <usize>slot * FRAME_BYTES;
      request.statusPtr = request.headerPtr + FRAME_STATUS;
      this.slots[slot] = request;
      this.append(this.free, request);
    }
  }

  at(slot: i32): Request {
    return this.slots[slot];
  }

  /** Takes a free slot for a request and queues it. Returns its handle, or E_BUSY. */
  queue(type: u32, lba: u64, dataPtr: usize, lengthBytes: u32): i32 {
    const request = this.takeFirst(this.free);
    if (!request) return E_BUSY;
    request.type = type;
    request.lba = lba;
    request.dataPtr = dataPtr;
    request.lengthBytes = lengthBytes;
    request.doneBytes = 0;
    request.generation = (request.generation + 1) & GENERATION_MASK;
    request.state = RequestState.QUEUED;
    this.append(this.queued, request);
    return (((request.generation << DISK_BITS) | this.diskIndex) << SLOT_BITS) | request.slot;
  }

  /** The request that is to be sent next; it stays queued. */
  firstQueued(): Request | null {
    return this.queued.first < 0 ? null : this.slots[this.queued.first];
  }

  /** Takes the first queued request off the list, to be sent or given up. */
  takeQueued(): Request | null {
    return this.takeFirst(this.queued);
  }

  /** The request that `handle` names, or null when it is none or has been given back. */
  find(handle: i32): Request | null {
    const request = this.slots[handle & (REQUEST_COUNT - 1)];
    const isCurrent = request.generation == handle >> (SLOT_BITS + DISK_BITS);
    return isCurrent && request.state != RequestState.FREE ? request : null;
  }

  /** Gives a DONE request back. */
  release(request: Request): void {
    assert(request.state == RequestState.DONE, "request is not done");
    request.state = RequestState.FREE;
    this.append(this.free, request);
  }

  private append(list: SlotList, request: Request): void {
    request.nextSlot = -1;
    if (list.first < 0) list.first = request.slot;
    else this.slots[list.last].nextSlot = request.slot;
    list.last = request.slot;
  }

  private takeFirst(list: SlotList): Request | null {
    if (list.first < 0) return null;
    const request = this.slots[list.first];
    list.first = request.nextSlot;
    return request;
  }
}

/** Index of the disk that a handle belongs to. */
export function diskOfHandle(handle: i32): i32 {
  return (handle >> SLOT_BITS) & ((1 << DISK_BITS) - 1);
}

function placeList(): SlotList {
  const list = place<SlotList>();
  list.first = -1;
  return list;
}
