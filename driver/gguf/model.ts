/** What a file says of its model apart from the metadata: counts, and sums by tensor type. */
import { placeArray } from "../util/arena";
import { TENSOR_TYPE_COUNT } from "./tensor_types";

export class Model {
  version: u32;
  entryCount: u64;
  tensorCount: u64;
  /** Elements of all tensors. */
  parameterCount: u64;
  alignment: u64;
  /** Where the tensor data starts, in bytes from the start of the file. */
  dataStart: u64;
  private tensorsOf!: StaticArray<u64>;
  private parametersOf!: StaticArray<u64>;
  private bytesOf!: StaticArray<u64>;

  init(): void {
    this.tensorsOf = placeArray<u64>(TENSOR_TYPE_COUNT);
    this.parametersOf = placeArray<u64>(TENSOR_TYPE_COUNT);
    this.bytesOf = placeArray<u64>(TENSOR_TYPE_COUNT);
  }

  /** Forgets what an earlier file had. */
  clear(): void {
    this.tensorCount = 0;
    this.parameterCount = 0;
    for (let type = 0; type < <i32>TENSOR_TYPE_COUNT; ++type) {
      this.tensorsOf[type] = 0;
      this.parametersOf[type] = 0;
      this.bytesOf[type] = 0;
    }
  }

  /** Counts a tensor of a known type. */
  add(type: u32, elementCount: u64, lengthBytes: u64): void {
    this.parameterCount += elementCount;
    this.tensorsOf[type] += 1;
    this.parametersOf[type] += elementCount;
    this.bytesOf[type] += lengthBytes;
  }

  /** Bytes of all tensors. */
  dataBytes(): u64 {
    let sum: u64 = 0;
    for (let type = 0; type < <i32>TENSOR_TYPE_COUNT; ++type) sum += this.bytesOf[type];
    return sum;
  }

  tensors(type: u32): u64 {
    return this.tensorsOf[type];
  }

  parameters(type: u32): u64 {
    return this.parametersOf[type];
  }

  bytes(type: u32): u64 {
    return this.bytesOf[type];
  }
}
