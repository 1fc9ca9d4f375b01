/**
 * A piece of memory that is given out from its start, for one run of a command: the bulk area is
 * shared by what a model needs, and nothing of it outlives the run.
 */
export class Region {
  private nextPtr: usize;
  private endPtr: usize;

  begin(ptr: usize, lengthBytes: usize): void {
    this.nextPtr = ptr;
    this.endPtr = ptr + lengthBytes;
  }

  /** Bytes that are left. */
  left(): usize {
    return this.endPtr - this.nextPtr;
  }

  /** The next `lengthBytes`, at a multiple of 8; the caller knows that they are left. */
  take(lengthBytes: usize): usize {
    const ptr = this.nextPtr;
    const taken = (lengthBytes + 7) & ~7;
    assert(taken <= this.left(), "the region is exhausted");
    this.nextPtr = ptr + taken;
    return ptr;
  }
}
