/**
 * The wire format of GGUF, versions 2 and 3. All numbers are little-endian, nothing is aligned but
 * the tensor data.
 *
 *   +-------+---------+---------------+-----------------------+
 *   | magic | version | tensor count  | metadata entry count  |   u32 u32 u64 u64
 *   +-------+---------+---------------+-----------------------+
 *   | metadata entries: key string, u32 value type, value     |
 *   +---------------------------------------------------------+
 *   | tensor table: name string, u32 n_dims, u64 x n_dims,    |
 *   |               u32 type, u64 offset in the tensor data   |
 *   +---------------------------------------------------------+
 *   | padding to the alignment, then tensor data              |
 *   +---------------------------------------------------------+
 *
 * A string is a u64 length in bytes and as many bytes of UTF-8. An array is a u32 element type, a
 * u64 count and the elements, which may be arrays again.
 */

/** The letters GGUF. */
export const GGUF_MAGIC: u32 = 0x46554747;

export const GGUF_VERSION_MIN: u32 = 2;
export const GGUF_VERSION_MAX: u32 = 3;

// The header, at the start of the file
export const HEADER_VERSION: u32 = 4; // u32
export const HEADER_TENSOR_COUNT: u32 = 8; // u64
export const HEADER_ENTRY_COUNT: u32 = 16; // u64
export const HEADER_BYTES: u32 = 24;

/** Bytes of a string before its text. */
export const STRING_HEAD_BYTES: u32 = 8;

// An array
export const ARRAY_COUNT: u32 = 4; // u64
export const ARRAY_HEAD_BYTES: u32 = 12;

/** Smallest metadata entry: an empty key, a type, and a value of one byte. */
export const ENTRY_BYTES_MIN: u32 = STRING_HEAD_BYTES + 4 + 1;

// A tensor, from behind its name on
export const TENSOR_DIMS: u32 = 4; // u64 each
export const TENSOR_TYPE_BYTES: u32 = 4; // u32, behind the dimensions
export const TENSOR_OFFSET_BYTES: u32 = 8; // u64, behind the type

/** Smallest entry of the tensor table: no name and no dimension. */
export const TENSOR_BYTES_MIN: u32 =
  STRING_HEAD_BYTES + TENSOR_DIMS + TENSOR_TYPE_BYTES + TENSOR_OFFSET_BYTES;

export const GGUF_DEFAULT_ALIGNMENT: u32 = 32;

/** The alignment is a multiple of this. */
export const GGUF_ALIGNMENT_STEP: u64 = 8;

// Types of a metadata value
export const GGUF_TYPE_UINT32: u32 = 4;
export const GGUF_TYPE_FLOAT32: u32 = 6;
export const GGUF_TYPE_BOOL: u32 = 7;
export const GGUF_TYPE_STRING: u32 = 8;
export const GGUF_TYPE_ARRAY: u32 = 9;
export const GGUF_TYPE_COUNT: u32 = 13;

/** Bytes of a value by type, of what stands before the text or the elements where it varies. */
const VALUE_BYTES: StaticArray<u32> = [
  1, // UINT8
  1, // INT8
  2, // UINT16
  2, // INT16
  4, // UINT32
  4, // INT32
  4, // FLOAT32
  1, // BOOL
  STRING_HEAD_BYTES,
  ARRAY_HEAD_BYTES,
  8, // UINT64
  8, // INT64
  8, // FLOAT64
];

/** Bytes of a value of a type below GGUF_TYPE_COUNT, or of its head where the length varies. */
export function valueBytes(type: u32): u32 {
  return VALUE_BYTES[type];
}
