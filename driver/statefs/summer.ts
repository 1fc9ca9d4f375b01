/** The sum of a value that is in memory, in slices. */
import { checksum, checksumQuantum } from "../io/checksum";
import { E_OK, PENDING } from "../util/errors";
import { Operation } from "./operation";

export class Summer extends Operation {
  crc: u32;
  private ptr: usize;
  private leftBytes: u32;

  begin(ptr: usize, lengthBytes: u32): Operation {
    this.crc = 0;
    this.ptr = ptr;
    this.leftBytes = lengthBytes;
    return this;
  }

  protected advance(): i32 {
    const bytes = min(this.leftBytes, checksumQuantum());
    this.crc = checksum(this.crc, this.ptr, bytes);
    this.ptr += bytes;
    this.leftBytes -= bytes;
    return this.leftBytes == 0 ? E_OK : PENDING;
  }
}
