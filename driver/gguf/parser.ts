/**
 * Reads a GGUF file up to the tensor data: header, metadata, tensor table, and whether the extents
 * of the tensors are sound. A state machine that goes on in slices.
 *
 * Bounds: ENTRY_COUNT_MAX entries, EXTENT_COUNT_MAX tensors, METADATA_BYTES_MAX bytes of both
 * together. A file that is not as the format wants it ends in E_CORRUPT with the fault noted: its
 * cause, and the byte where it stands.
 */
import { place } from "../util/arena";
import { E_OK, E_RANGE, PENDING } from "../util/errors";
import { EXTENT_COUNT_MAX, Extents } from "./extents";
import { Cause, Fault } from "./fault";
import * as layout from "./layout";
import { Key, Metadata } from "./metadata";
import { Model } from "./model";
import { Stream } from "./stream";
import { TensorTable } from "./tensor_table";
import { ValueReader } from "./value_reader";

const ENTRY_COUNT_MAX: u64 = 65536;
const METADATA_BYTES_MAX: u64 = 256 << 20;

/** Entries, elements and tensors that are read in one slice. */
const ITEMS_A_SLICE: i32 = 512;

enum State {
  HEADER,
  METADATA,
  TENSORS,
  SORT,
  CHECK,
  DONE,
}

export class Parser {
  stream!: Stream;
  fault!: Fault;
  metadata!: Metadata;
  model!: Model;
  extents!: Extents;
  private values!: ValueReader;
  private table!: TensorTable;
  private state: State;
  private isMetadataOnly: bool;
  private entriesLeft: u64;

  init(): void {
    this.stream = place<Stream>();
    this.stream.init();
    this.fault = place<Fault>();
    this.fault.init();
    this.metadata = place<Metadata>();
    this.metadata.init();
    this.model = place<Model>();
    this.model.init();
    this.extents = place<Extents>();
    this.values = place<ValueReader>();
    this.values.init(this.stream, this.fault, this.metadata);
    this.table = place<TensorTable>();
    this.table.init(this.stream, this.fault, this.model, this.extents);
  }

  /** Begins with a file; stream and extents have been begun. */
  begin(isMetadataOnly: bool): void {
    this.state = State.HEADER;
    this.isMetadataOnly = isMetadataOnly;
    this.model.clear();
    this.values.begin();
  }

  /** Goes on. PENDING, then E_OK, E_CORRUPT, or why the disk cannot be read. */
  advance(): i32 {
    for (let i = 0; i < ITEMS_A_SLICE && this.state < State.SORT; ++i) {
      const error = this.readNext();
      if (error == E_RANGE) return this.endsEarly();
      if (error != E_OK) return error;
    }
    if (this.state == State.SORT) return this.sort();
    if (this.state == State.CHECK) return this.check();
    return this.state == State.DONE ? E_OK : PENDING;
  }

  private endsEarly(): i32 {
    const stream = this.stream;
    return this.fault.set(Cause.TRUNCATED, stream.position(), stream.wanted, stream.left());
  }

  private readNext(): i32 {
    if (this.state == State.HEADER) return this.readHeader();
    if (this.stream.position() > METADATA_BYTES_MAX) {
      return this.fault.set(Cause.METADATA_LIMIT, this.stream.position(), METADATA_BYTES_MAX);
    }
    if (this.state == State.METADATA) return this.readMetadata();
    if (<u64>this.extents.count < this.model.tensorCount) return this.table.readTensor();
    this.state = State.SORT;
    return E_OK;
  }

  private readHeader(): i32 {
    const stream = this.stream;
    const error = stream.need(layout.HEADER_BYTES);
    if (error != E_OK) return error;
    const version = stream.u32(layout.HEADER_VERSION);
    if (stream.u32(0) != layout.GGUF_MAGIC) {
      return this.fault.set(Cause.NOT_GGUF, 0);
    }
    // A small number in the other byte order
    if (version != 0 && (version & 0xffff) == 0) {
      return this.fault.set(Cause.BIG_ENDIAN, layout.HEADER_VERSION);
    }
    if (version < layout.GGUF_VERSION_MIN || version > layout.GGUF_VERSION_MAX) {
      return this.fault.set(Cause.VERSION, layout.HEADER_VERSION, version);
    }
    this.model.version = version;
    this.model.tensorCount = stream.u64(layout.HEADER_TENSOR_COUNT);
    this.model.entryCount = stream.u64(layout.HEADER_ENTRY_COUNT);
    stream.skip(layout.HEADER_BYTES);
    this.entriesLeft = this.model.entryCount;
    this.state = State.METADATA;
    return this.checkCounts();
  }

  /** Compares the counts with what is left of the disk, and with what is supported. */
  private checkCounts(): i32 {
    const left = this.stream.left();
    const tensors = this.model.tensorCount;
    const entries = this.model.entryCount;
    const fault = this.fault;
    if (tensors > left / layout.TENSOR_BYTES_MIN) {
      return fault.set(Cause.TENSOR_COUNT, layout.HEADER_TENSOR_COUNT, tensors, left);
    }
    if (tensors > EXTENT_COUNT_MAX) {
      const place = layout.HEADER_TENSOR_COUNT;
      return fault.set(Cause.TENSOR_COUNT_LIMIT, place, tensors, EXTENT_COUNT_MAX);
    }
    if (entries > left / layout.ENTRY_BYTES_MIN) {
      return fault.set(Cause.ENTRY_COUNT, layout.HEADER_ENTRY_COUNT, entries, left);
    }
    if (entries <= ENTRY_COUNT_MAX) return E_OK;
    const place = layout.HEADER_ENTRY_COUNT;
    return fault.set(Cause.ENTRY_COUNT_LIMIT, place, entries, ENTRY_COUNT_MAX);
  }

  private readMetadata(): i32 {
    if (this.values.isInArray()) return this.values.readElement();
    if (this.entriesLeft == 0) return this.endMetadata();
    const error = this.values.readEntry();
    if (error == E_OK) this.entriesLeft -= 1;
    return error;
  }

  private endMetadata(): i32 {
    this.model.alignment = this.metadata.number(Key.ALIGNMENT, layout.GGUF_DEFAULT_ALIGNMENT);
    this.state = this.isMetadataOnly ? State.DONE : State.TENSORS;
    return E_OK;
  }

  private sort(): i32 {
    const result = this.extents.sort();
    if (result == E_OK) this.state = State.CHECK;
    return PENDING;
  }

  /** Finds the start of the tensor data, and checks the extents against the disk behind it. */
  private check(): i32 {
    const stream = this.stream;
    const inAlignment = stream.position() % this.model.alignment;
    const padding = inAlignment == 0 ? 0 : this.model.alignment - inAlignment;
    this.model.dataStart = stream.position() + padding;
    const left = stream.left();
    const result = this.extents.check(left > padding ? left - padding : 0, this.fault);
    if (result == E_OK) this.state = State.DONE;
    return result;
  }
}
