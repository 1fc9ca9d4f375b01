/**
 * Reads the tensor table: one entry at a time, checked as far as it can be before the place of the
 * tensor data is known, and noted in the extents.
 *
 * The product of the dimensions and the bytes they make are checked against overflow of 64 bits.
 */
import { E_OK } from "../util/errors";
import { Extents } from "./extents";
import { Cause, Fault } from "./fault";
import * as layout from "./layout";
import { Model } from "./model";
import { Stream } from "./stream";
import { blockBytes, blockElements, isTensorType } from "./tensor_types";

const NAME_BYTES_MAX: u64 = 255;
const DIMENSION_COUNT_MAX: u32 = 4;

export class TensorTable {
  private stream!: Stream;
  private fault!: Fault;
  private model!: Model;
  private extents!: Extents;

  init(stream: Stream, fault: Fault, model: Model, extents: Extents): void {
    this.stream = stream;
    this.fault = fault;
    this.model = model;
    this.extents = extents;
  }

  /** Number of the tensor that is read next. */
  private index(): u64 {
    return this.extents.count;
  }

  /** Reads an entry. Returns E_OK, an error of `need`, or E_CORRUPT. */
  readTensor(): i32 {
    const stream = this.stream;
    let error = stream.need(layout.STRING_HEAD_BYTES);
    if (error != E_OK) return error;
    const nameBytes = stream.u64(0);
    if (nameBytes > NAME_BYTES_MAX) {
      return this.fault.set(Cause.NAME_LENGTH, stream.position(), this.index(), nameBytes);
    }
    const dimsAt = layout.STRING_HEAD_BYTES + <u32>nameBytes;
    error = stream.need(dimsAt + layout.TENSOR_DIMS);
    if (error != E_OK) return error;
    const dimensionCount = stream.u32(dimsAt);
    if (dimensionCount > DIMENSION_COUNT_MAX) {
      const place = stream.position() + dimsAt;
      return this.fault.set(Cause.DIMENSION_COUNT, place, this.index(), dimensionCount);
    }
    const typeAt = dimsAt + layout.TENSOR_DIMS + 8 * dimensionCount;
    error = stream.need(typeAt + layout.TENSOR_TYPE_BYTES + layout.TENSOR_OFFSET_BYTES);
    return error == E_OK ? this.takeTensor(dimsAt, typeAt) : error;
  }

  /** Takes an entry that is in the window: the dimensions and the type stand at these places. */
  private takeTensor(dimsAt: u32, typeAt: u32): i32 {
    const stream = this.stream;
    const type = stream.u32(typeAt);
    if (!isTensorType(type)) {
      return this.fault.set(Cause.TENSOR_TYPE, stream.position() + typeAt, this.index(), type);
    }
    let elements: u64 = 1;
    for (let at = dimsAt + layout.TENSOR_DIMS; at < typeAt; at += 8) {
      const dimension = stream.u64(at);
      if (dimension != 0 && elements > u64.MAX_VALUE / dimension) {
        return this.fault.set(Cause.ELEMENT_COUNT, stream.position() + at, this.index());
      }
      elements *= dimension;
    }
    return this.measure(dimsAt, typeAt, elements);
  }

  private measure(dimsAt: u32, typeAt: u32, elements: u64): i32 {
    const stream = this.stream;
    const type = stream.u32(typeAt);
    const firstAt = dimsAt + layout.TENSOR_DIMS;
    const first = firstAt < typeAt ? stream.u64(firstAt) : 1;
    const place = stream.position() + firstAt;
    if (first % blockElements(type) != 0) {
      return this.fault.set(Cause.BLOCKS, place, this.index(), first);
    }
    const blocks = elements / blockElements(type);
    if (blocks > u64.MAX_VALUE / blockBytes(type)) {
      return this.fault.set(Cause.ELEMENT_COUNT, place, this.index());
    }
    const lengthBytes = blocks * blockBytes(type);
    const error = this.note(typeAt + layout.TENSOR_TYPE_BYTES, lengthBytes);
    if (error != E_OK) return error;
    this.model.add(type, elements, lengthBytes);
    stream.skip(typeAt + layout.TENSOR_TYPE_BYTES + layout.TENSOR_OFFSET_BYTES);
    return E_OK;
  }

  /** Notes the extent of a tensor whose offset stands `offsetAt` from here. */
  private note(offsetAt: u32, lengthBytes: u64): i32 {
    const stream = this.stream;
    const offset = stream.u64(offsetAt);
    const place = stream.position() + offsetAt;
    if (offset % this.model.alignment != 0) {
      return this.fault.set(Cause.TENSOR_ALIGNMENT, place, this.index(), offset);
    }
    const left = stream.left();
    if (lengthBytes > left || offset > left - lengthBytes) {
      return this.fault.set(Cause.TENSOR_EXTENT, place, this.index(), lengthBytes);
    }
    const index = this.index();
    const extent = this.extents.add();
    extent.offset = offset;
    extent.lengthBytes = lengthBytes;
    extent.place = place;
    extent.index = index;
    this.extents.added();
    return E_OK;
  }
}
