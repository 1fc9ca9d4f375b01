/**
 * Where the tensors lie: one extent each, put into the order of the disk and checked against one
 * another. There is room for EXTENT_COUNT_MAX of them; a file with more is refused.
 *
 * Most files have their tensors in order, and nothing is moved then. Others are sorted by heap
 * sort, in place and a few steps a slice.
 */
import { E_OK, PENDING } from "../util/errors";
import { Cause, Fault } from "./fault";

export const EXTENT_COUNT_MAX: u64 = 65536;

/** Elements that find their place in one slice. */
const SIFTS_A_SLICE: i32 = 512;

/** Extents that are checked in one slice. */
const CHECKS_A_SLICE: i32 = 4096;

/** The data of a tensor. Offsets are from the start of the tensor data. */
@unmanaged
class Extent {
  offset: u64;
  lengthBytes: u64;
  /** Where its entry in the tensor table says `offset`, in bytes from the start of the file. */
  place: u64;
  /** Its number in the tensor table. */
  index: u64;
}

export const EXTENT_BYTES: usize = offsetof<Extent>();

export class Extents {
  private ptr: usize;
  count: i32;
  private isInOrder: bool;
  /** Heap sort: the next element to sift while the heap is built, then the end of the heap. */
  private next: i32;
  private heapEnd: i32;
  /** Extents that have been checked, where the last of them ends, and which tensor that is. */
  private checked: i32;
  private usedEnd: u64;
  private usedBy: u64;

  /** Begins an empty table in memory for EXTENT_COUNT_MAX extents. */
  begin(ptr: usize): void {
    this.ptr = ptr;
    this.count = 0;
    this.isInOrder = true;
    this.checked = 0;
    this.usedEnd = 0;
  }

  at(index: i32): Extent {
    return changetype<Extent>(this.ptr + <usize>index * EXTENT_BYTES);
  }

  /** The next extent, to be filled in and then confirmed by `added`. */
  add(): Extent {
    return this.at(this.count++);
  }

  /** The extent from `add` is complete. */
  added(): void {
    const last = this.count - 1;
    if (last > 0 && isBefore(this.at(last), this.at(last - 1))) this.isInOrder = false;
    this.next = this.count / 2 - 1;
    this.heapEnd = this.count;
  }

  /** Sorts a little more. PENDING until all is in order. */
  sort(): i32 {
    if (this.isInOrder) return E_OK;
    for (let i = 0; i < SIFTS_A_SLICE && this.heapEnd > 1; ++i) {
      if (this.next >= 0) this.sift(this.next--);
      else this.takeLargest();
    }
    this.isInOrder = this.heapEnd <= 1;
    return PENDING;
  }

  private takeLargest(): void {
    this.heapEnd -= 1;
    this.swap(0, this.heapEnd);
    this.sift(0);
  }

  /** Lets an element sink until none below it is larger. */
  private sift(root: i32): void {
    for (let child = 2 * root + 1; child < this.heapEnd; child = 2 * root + 1) {
      if (child + 1 < this.heapEnd && isBefore(this.at(child), this.at(child + 1))) child += 1;
      if (!isBefore(this.at(root), this.at(child))) return;
      this.swap(root, child);
      root = child;
    }
  }

  private swap(left: i32, right: i32): void {
    const a = this.at(left);
    const b = this.at(right);
    const offset = a.offset;
    const lengthBytes = a.lengthBytes;
    const place = a.place;
    const index = a.index;
    memory.copy(changetype<usize>(a), changetype<usize>(b), EXTENT_BYTES);
    b.offset = offset;
    b.lengthBytes = lengthBytes;
    b.place = place;
    b.index = index;
  }

  /**
   * Looks at a part of the sorted table: whether extents overlap or end past the `dataBytes` that
   * the disk has for them. PENDING until all has been seen, then E_OK; or E_CORRUPT with the fault
   * noted.
   */
  check(dataBytes: u64, fault: Fault): i32 {
    for (let i = 0; i < CHECKS_A_SLICE && this.checked < this.count; ++i) {
      const extent = this.at(this.checked++);
      if (extent.lengthBytes > dataBytes || extent.offset > dataBytes - extent.lengthBytes) {
        return fault.set(Cause.TENSOR_EXTENT, extent.place, extent.index, extent.lengthBytes);
      }
      if (extent.lengthBytes == 0) continue;
      if (extent.offset < this.usedEnd) {
        return fault.set(Cause.TENSOR_OVERLAP, extent.place, extent.index, this.usedBy);
      }
      this.usedEnd = endOf(extent);
      this.usedBy = extent.index;
    }
    return this.checked < this.count ? PENDING : E_OK;
  }
}

export function endOf(extent: Extent): u64 {
  return extent.offset + extent.lengthBytes;
}

function isBefore(left: Extent, right: Extent): bool {
  if (left.offset != right.offset) return left.offset < right.offset;
  return left.index < right.index;
}
