/**
 * The types of tensor data: how many elements a block has and how many bytes it takes. A tensor's
 * first dimension is a whole number of blocks.
 *
 * Numbers that were in use once and have been taken out of the format (4, 5, 31 to 33, 36 to 38)
 * are unknown here, as those above the newest are.
 */

export const TENSOR_TYPE_COUNT: u32 = 43;

// prettier-ignore
const NAMES: StaticArray<string> = [
  "F32", "F16", "Q4_0", "Q4_1", "", "", "Q5_0", "Q5_1", "Q8_0", "Q8_1",
  "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S",
  "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M",
  "BF16", "", "", "", "TQ1_0", "TQ2_0", "", "", "", "MXFP4",
  "NVFP4", "Q1_0", "Q2_0",
];

// prettier-ignore
const BLOCK_ELEMENTS: StaticArray<u16> = [
  1, 1, 32, 32, 0, 0, 32, 32, 32, 32,
  256, 256, 256, 256, 256, 256, 256, 256, 256, 256,
  32, 256, 256, 256, 1, 1, 1, 1, 1, 256,
  1, 0, 0, 0, 256, 256, 0, 0, 0, 32,
  64, 128, 64,
];

// prettier-ignore
const BLOCK_BYTES: StaticArray<u16> = [
  4, 2, 18, 20, 0, 0, 22, 24, 34, 36,
  84, 110, 144, 176, 210, 292, 66, 74, 98, 50,
  18, 110, 82, 136, 1, 2, 4, 8, 8, 56,
  2, 0, 0, 0, 54, 66, 0, 0, 0, 17,
  36, 18, 18,
];

/** Whether `type` is a type of tensor data; the functions below take no other. */
export function isTensorType(type: u32): bool {
  return type < TENSOR_TYPE_COUNT && BLOCK_ELEMENTS[type] != 0;
}

export function tensorTypeName(type: u32): string {
  return NAMES[type];
}

export function blockElements(type: u32): u64 {
  return BLOCK_ELEMENTS[type];
}

export function blockBytes(type: u32): u64 {
  return BLOCK_BYTES[type];
}
