/**
 * The metadata entries that mean something here, out of the many a file may have. Each is kept with
 * its value, or with the place of its text or its elements.
 */
import { place, placeArray, reserve } from "../util/arena";
import { GGUF_TYPE_ARRAY, GGUF_TYPE_BOOL, GGUF_TYPE_FLOAT32 } from "./layout";
import { GGUF_TYPE_STRING, GGUF_TYPE_UINT32 } from "./layout";

/** Bytes of a string that are kept. */
export const TEXT_BYTES_MAX: u32 = 64;

export enum Key {
  ARCHITECTURE,
  NAME,
  ALIGNMENT,
  TOKENIZER,
  PRE,
  TOKENS,
  SCORES,
  MERGES,
  BOS,
  EOS,
  UNKNOWN,
  ADD_BOS,
  ADD_EOS,
  ADD_SPACE_PREFIX,
  COUNT,
}

const NAMES: StaticArray<string> = [
  "general.architecture",
  "general.name",
  "general.alignment",
  "tokenizer.ggml.model",
  "tokenizer.ggml.pre",
  "tokenizer.ggml.tokens",
  "tokenizer.ggml.scores",
  "tokenizer.ggml.merges",
  "tokenizer.ggml.bos_token_id",
  "tokenizer.ggml.eos_token_id",
  "tokenizer.ggml.unknown_token_id",
  "tokenizer.ggml.add_bos_token",
  "tokenizer.ggml.add_eos_token",
  "tokenizer.ggml.add_space_prefix",
];

/** The type of each value; of an array, the type of its elements with ARRAY_OF added. */
const ARRAY_OF: u32 = 16;

const TYPES: StaticArray<u32> = [
  GGUF_TYPE_STRING,
  GGUF_TYPE_STRING,
  GGUF_TYPE_UINT32,
  GGUF_TYPE_STRING,
  GGUF_TYPE_STRING,
  ARRAY_OF + GGUF_TYPE_STRING,
  ARRAY_OF + GGUF_TYPE_FLOAT32,
  ARRAY_OF + GGUF_TYPE_STRING,
  GGUF_TYPE_UINT32,
  GGUF_TYPE_UINT32,
  GGUF_TYPE_UINT32,
  GGUF_TYPE_BOOL,
  GGUF_TYPE_BOOL,
  GGUF_TYPE_BOOL,
];

export class Entry {
  isPresent: bool;
  /** A number, the length of a string, or the count of an array. */
  number: u64;
  /** Where the value, the text or the first element is in the file. */
  place: u64;
  /** The first bytes of a string. */
  textPtr: usize;
  textBytes: u32;
}

export class Metadata {
  private entries!: StaticArray<Entry>;

  init(): void {
    this.entries = placeArray<Entry>(Key.COUNT);
    for (let key = 0; key < Key.COUNT; ++key) {
      const entry = place<Entry>();
      entry.textPtr = reserve(TEXT_BYTES_MAX, 16);
      this.entries[key] = entry;
    }
  }

  /** Forgets what an earlier file had. */
  clear(): void {
    for (let key = 0; key < Key.COUNT; ++key) {
      const entry = this.entries[key];
      entry.isPresent = false;
      entry.number = 0;
      entry.textBytes = 0;
    }
  }

  at(key: i32): Entry {
    return this.entries[key];
  }

  /** The number of `key`, or `otherwise` when the file does not have it. */
  number(key: i32, otherwise: u64): u64 {
    const entry = this.entries[key];
    return entry.isPresent ? entry.number : otherwise;
  }

  /** Whether the string of `key` is exactly `text`. */
  is(key: i32, text: string): bool {
    const entry = this.entries[key];
    if (!entry.isPresent || entry.number != <u64>text.length) return false;
    return isText(entry.textPtr, entry.textBytes, text);
  }
}

/** The key that the text names, or -1. */
export function findKey(textPtr: usize, lengthBytes: u32): i32 {
  for (let key = 0; key < Key.COUNT; ++key) {
    if (isText(textPtr, lengthBytes, NAMES[key])) return key;
  }
  return -1;
}

export function keyName(key: i32): string {
  return NAMES[key];
}

/** The type that the value of `key` must have, ARRAY_OF included. */
export function keyType(key: i32): u32 {
  return TYPES[key];
}

/** The same for a value of `type`, with elements of `elementType` if it is an array. */
export function fullType(type: u32, elementType: u32): u32 {
  return type == GGUF_TYPE_ARRAY ? ARRAY_OF + elementType : type;
}

function isText(textPtr: usize, lengthBytes: u32, text: string): bool {
  if (lengthBytes != <u32>text.length) return false;
  for (let i = 0; i < text.length; ++i) {
    if (load<u8>(textPtr + i) != text.charCodeAt(i)) return false;
  }
  return true;
}
