/**
 * Reads metadata entries: a key and a value of any type, arrays in arrays included.
 *
 * There is no recursion: the arrays that are open stand on a stack of ARRAY_DEPTH_MAX levels. Every
 * count is compared with what the disk has left before it is used, and ITEM_COUNT_MAX bounds the
 * work for strings and arrays, which must be walked one by one. Other arrays are skipped whole.
 * Truth values in arrays are not looked at.
 */
import { placeArray } from "../util/arena";
import { E_OK } from "../util/errors";
import { Cause, Fault } from "./fault";
import * as layout from "./layout";
import { Entry, Key, Metadata, TEXT_BYTES_MAX } from "./metadata";
import { findKey, fullType, keyName, keyType } from "./metadata";
import { Stream } from "./stream";

const KEY_BYTES_MAX: u64 = 65535;
const ARRAY_DEPTH_MAX: i32 = 8;
const ITEM_COUNT_MAX: u32 = 1 << 22;

/** Strings that are passed over in one go, where they are short. */
const STRINGS_AT_ONCE: u64 = 16;

export class ValueReader {
  private stream!: Stream;
  private fault!: Fault;
  private metadata!: Metadata;
  /** Open arrays: their depth, and for each the type of the elements and how many are left. */
  private depth: i32;
  private elementTypes!: StaticArray<u32>;
  private elementsLeft!: StaticArray<u64>;
  private itemCount: u32;

  init(stream: Stream, fault: Fault, metadata: Metadata): void {
    this.stream = stream;
    this.fault = fault;
    this.metadata = metadata;
    this.elementTypes = placeArray<u32>(ARRAY_DEPTH_MAX);
    this.elementsLeft = placeArray<u64>(ARRAY_DEPTH_MAX);
  }

  begin(): void {
    this.metadata.clear();
    this.depth = 0;
    this.itemCount = 0;
  }

  /** Whether the elements of an array are to be read before the next entry. */
  isInArray(): bool {
    return this.depth > 0;
  }

  /** Reads an entry, of an array only the head. Returns E_OK, an error of `need`, or E_CORRUPT. */
  readEntry(): i32 {
    const stream = this.stream;
    let error = stream.need(layout.STRING_HEAD_BYTES);
    if (error != E_OK) return error;
    const keyLength = stream.u64(0);
    if (keyLength > KEY_BYTES_MAX) {
      return this.fault.set(Cause.KEY_LENGTH, stream.position(), keyLength, KEY_BYTES_MAX);
    }
    const typeAt = layout.STRING_HEAD_BYTES + <u32>keyLength;
    error = stream.need(typeAt + 4);
    if (error != E_OK) return error;
    const type = stream.u32(typeAt);
    if (type >= layout.GGUF_TYPE_COUNT) {
      return this.fault.set(Cause.VALUE_TYPE, stream.position() + typeAt, type);
    }
    error = stream.need(typeAt + 4 + layout.valueBytes(type));
    if (error != E_OK) return error;
    const key = findKey(stream.ptr(layout.STRING_HEAD_BYTES), <u32>keyLength);
    return key < 0 ? this.readOther(typeAt, type) : this.readKnown(key, typeAt, type);
  }

  /** An entry that means nothing here. */
  private readOther(typeAt: u32, type: u32): i32 {
    this.stream.skip(typeAt + 4);
    return this.passValue(type);
  }

  private readKnown(key: i32, typeAt: u32, type: u32): i32 {
    const stream = this.stream;
    const entry = this.metadata.at(key);
    const typePlace = stream.position() + typeAt;
    if (entry.isPresent) {
      return this.fault.setKey(Cause.KEY_TWICE, stream.position(), keyName(key));
    }
    const isArray = type == layout.GGUF_TYPE_ARRAY;
    const actual = fullType(type, isArray ? stream.u32(typeAt + 4) : 0);
    if (actual != keyType(key)) {
      return this.fault.setKey(Cause.KEY_TYPE, typePlace, keyName(key), actual, keyType(key));
    }
    const headBytes = typeAt + 4 + layout.valueBytes(type);
    if (type == layout.GGUF_TYPE_STRING) {
      const error = this.keepText(entry, headBytes);
      if (error != E_OK) return error;
    }
    stream.skip(typeAt + 4);
    this.keepNumber(entry, type);
    entry.place = stream.position() + layout.valueBytes(type);
    const error = this.passValue(type);
    if (error == E_OK) entry.isPresent = true;
    return error == E_OK && key == Key.ALIGNMENT ? this.checkAlignment(entry) : error;
  }

  /** Keeps the start of the string that begins `headBytes` from here. */
  private keepText(entry: Entry, headBytes: u32): i32 {
    const stream = this.stream;
    const length = stream.u64(headBytes - layout.STRING_HEAD_BYTES);
    if (length > stream.left() - headBytes) {
      const place = stream.position() + headBytes - layout.STRING_HEAD_BYTES;
      return this.fault.set(Cause.STRING_LENGTH, place, length, stream.left() - headBytes);
    }
    entry.textBytes = <u32>min<u64>(length, TEXT_BYTES_MAX);
    const error = stream.need(headBytes + entry.textBytes);
    if (error == E_OK) memory.copy(entry.textPtr, stream.ptr(headBytes), entry.textBytes);
    return error;
  }

  private keepNumber(entry: Entry, type: u32): void {
    const stream = this.stream;
    if (type == layout.GGUF_TYPE_STRING) entry.number = stream.u64(0);
    else if (type == layout.GGUF_TYPE_ARRAY) entry.number = stream.u64(layout.ARRAY_COUNT);
    else if (type == layout.GGUF_TYPE_BOOL) entry.number = stream.u8(0);
    else entry.number = stream.u32(0);
  }

  private checkAlignment(entry: Entry): i32 {
    const isGood = entry.number != 0 && entry.number % layout.GGUF_ALIGNMENT_STEP == 0;
    if (isGood) return E_OK;
    return this.fault.setKey(
      Cause.ALIGNMENT,
      entry.place - 4,
      keyName(Key.ALIGNMENT),
      entry.number,
    );
  }

  /** Passes over a value that begins here; its head is in the window. */
  private passValue(type: u32): i32 {
    if (type == layout.GGUF_TYPE_STRING) return this.passString();
    if (type == layout.GGUF_TYPE_ARRAY) return this.openArray();
    const stream = this.stream;
    if (type == layout.GGUF_TYPE_BOOL && stream.u8(0) > 1) {
      return this.fault.set(Cause.BOOL, stream.position(), stream.u8(0));
    }
    stream.skip(layout.valueBytes(type));
    return E_OK;
  }

  private passString(): i32 {
    const stream = this.stream;
    const length = stream.u64(0);
    const left = stream.left() - layout.STRING_HEAD_BYTES;
    if (length > left) {
      return this.fault.set(Cause.STRING_LENGTH, stream.position(), length, left);
    }
    stream.skip(layout.STRING_HEAD_BYTES + length);
    return E_OK;
  }

  private openArray(): i32 {
    const stream = this.stream;
    const type = stream.u32(0);
    if (type >= layout.GGUF_TYPE_COUNT) {
      return this.fault.set(Cause.ARRAY_TYPE, stream.position(), type);
    }
    const count = stream.u64(layout.ARRAY_COUNT);
    const left = stream.left() - layout.ARRAY_HEAD_BYTES;
    if (count > left / layout.valueBytes(type)) {
      const place = stream.position() + layout.ARRAY_COUNT;
      return this.fault.set(Cause.ARRAY_COUNT, place, count, left);
    }
    const isWalked = type == layout.GGUF_TYPE_STRING || type == layout.GGUF_TYPE_ARRAY;
    if (isWalked && this.depth == ARRAY_DEPTH_MAX) {
      return this.fault.set(Cause.ARRAY_DEPTH, stream.position(), ARRAY_DEPTH_MAX);
    }
    stream.skip(layout.ARRAY_HEAD_BYTES + (isWalked ? 0 : count * layout.valueBytes(type)));
    if (isWalked) {
      this.elementTypes[this.depth] = type;
      this.elementsLeft[this.depth] = count;
      this.depth += 1;
    }
    return E_OK;
  }

  /** Passes over the next elements of the innermost array, or closes the array. */
  readElement(): i32 {
    const top = this.depth - 1;
    if (this.elementsLeft[top] == 0) {
      this.depth = top;
      return E_OK;
    }
    const type = this.elementTypes[top];
    if (type == layout.GGUF_TYPE_STRING && this.passStrings(top)) return E_OK;
    const error = this.stream.need(layout.valueBytes(type));
    if (error != E_OK) return error;
    if (this.itemCount == ITEM_COUNT_MAX) {
      return this.fault.set(Cause.ITEM_LIMIT, this.stream.position(), ITEM_COUNT_MAX);
    }
    this.itemCount += 1;
    this.elementsLeft[top] -= 1;
    return this.passValue(type);
  }

  /** Passes over strings that are whole in the window. False when the next one is not. */
  private passStrings(top: i32): bool {
    const ready = this.stream.ready();
    const ptr = this.stream.ptr(0);
    const count = <u32>min<u64>(this.elementsLeft[top], STRINGS_AT_ONCE);
    if (this.itemCount + count > ITEM_COUNT_MAX) return false;
    let passed: u32 = 0;
    let at: u32 = 0;
    for (; passed < count && ready - at >= layout.STRING_HEAD_BYTES; ++passed) {
      const length = load<u64>(ptr + at);
      if (length > ready - at - layout.STRING_HEAD_BYTES) break;
      at += layout.STRING_HEAD_BYTES + <u32>length;
    }
    this.stream.skip(at);
    this.itemCount += passed;
    this.elementsLeft[top] -= passed;
    return passed > 0;
  }
}
