/**
 * What is wrong with a file: the cause, the byte where it stands, and the numbers that say it.
 *
 * The text of a cause has a `%` for each number. Nothing here is printed; the shell does that.
 */
import { E_CORRUPT } from "../util/errors";

export enum Cause {
  NOT_GGUF,
  BIG_ENDIAN,
  VERSION,
  TRUNCATED,
  TENSOR_COUNT,
  TENSOR_COUNT_LIMIT,
  ENTRY_COUNT,
  ENTRY_COUNT_LIMIT,
  KEY_LENGTH,
  VALUE_TYPE,
  STRING_LENGTH,
  ARRAY_TYPE,
  ARRAY_COUNT,
  ARRAY_DEPTH,
  ITEM_LIMIT,
  METADATA_LIMIT,
  BOOL,
  KEY_TYPE,
  KEY_TWICE,
  ALIGNMENT,
  NAME_LENGTH,
  DIMENSION_COUNT,
  ELEMENT_COUNT,
  TENSOR_TYPE,
  BLOCKS,
  TENSOR_ALIGNMENT,
  TENSOR_EXTENT,
  TENSOR_OVERLAP,
  NO_VOCABULARY,
  TOKENIZER,
  SCORE_COUNT,
  SCORE,
  NO_MERGES,
  VOCABULARY_SIZE,
  VOCABULARY_TEXT,
  TOKEN_LENGTH,
  CROWDED,
  MERGE,
  MERGE_PART,
  TOKEN_ID,
  NO_TOKEN,
}

const TEXTS: StaticArray<string> = [
  "there is no GGUF file here",
  "a big-endian GGUF file is not supported",
  "version % of GGUF is not supported, versions 2 and 3 are",
  "the disk ends within the file: % bytes are needed and % are left",
  "% tensors do not fit into the % bytes that are left of the disk",
  "% tensors are more than the % that are supported",
  "% metadata entries do not fit into the % bytes that are left of the disk",
  "% metadata entries are more than the % that are supported",
  "the key of a metadata entry has % bytes, more than the % it may have",
  "a metadata value has the unknown type %",
  "a string of % bytes is longer than the % bytes that are left of the disk",
  "an array has elements of the unknown type %",
  "an array of % elements does not fit into the % bytes that are left of the disk",
  "arrays are nested deeper than % levels",
  "the metadata have more than % strings and arrays in arrays",
  "the metadata and the tensor table are longer than % bytes",
  "a truth value is %, neither 0 nor 1",
  "the value has type %, it should have type %",
  "the key is there a second time",
  "an alignment of % bytes is not a multiple of 8",
  "the name of tensor % has % bytes, more than the 255 it may have",
  "tensor % has % dimensions, more than the 4 it may have",
  "the dimensions of tensor % make more elements than 64 bits can count",
  "tensor % has the unknown type %",
  "tensor % has a first dimension of % elements, which is no whole number of blocks of its type",
  "tensor % starts at byte % of the tensor data, which is not aligned",
  "tensor % ends past the end of the disk, it has % bytes",
  "tensor % starts within tensor %",
  "the file has no vocabulary",
  "the tokenizer of this vocabulary is neither llama nor gpt2",
  "% scores for % tokens",
  "the score of token % is not a number",
  "a vocabulary for gpt2 has no merges",
  "a vocabulary of % tokens and % merges is too large for the memory there is",
  "the text of % tokens is too long for the memory there is, it holds % bytes",
  "entry % of the vocabulary has % bytes of text, more than the 4096 it may have",
  "too many entries of the vocabulary fall on the same place of a table, at entry %",
  "merge % does not consist of two parts",
  "a part of merge % is no token",
  "token % is not in the vocabulary of % tokens",
  "there is no token for the byte % of the text",
];

export class Fault {
  cause: Cause;
  /** The byte of the file where the fault stands. */
  place: u64;
  first: u64;
  second: u64;
  /** The key of the metadata entry that is at fault, or empty. */
  key!: string;

  init(): void {
    this.key = "";
  }

  /** Notes a fault with the numbers of its text. Returns E_CORRUPT. */
  set(cause: Cause, place: u64, first: u64 = 0, second: u64 = 0): i32 {
    this.cause = cause;
    this.place = place;
    this.first = first;
    this.second = second;
    this.key = "";
    return E_CORRUPT;
  }

  /** As `set`, about the value of `key`. */
  setKey(cause: Cause, place: u64, key: string, first: u64 = 0, second: u64 = 0): i32 {
    this.set(cause, place, first, second);
    this.key = key;
    return E_CORRUPT;
  }

  text(): string {
    return TEXTS[this.cause];
  }
}
