/** Comparison of memory, many bytes a step: an interpreter pays for every step. */

/** How many bytes from the beginning are the same. */
export function sameBytes(firstPtr: usize, secondPtr: usize, lengthBytes: u32): u32 {
  let at: u32 = 0;
  while (at + 32 <= lengthBytes && isSame32(firstPtr + at, secondPtr + at)) at += 32;
  while (at + 8 <= lengthBytes && load<u64>(firstPtr + at) == load<u64>(secondPtr + at)) at += 8;
  while (at < lengthBytes && load<u8>(firstPtr + at) == load<u8>(secondPtr + at)) at += 1;
  return at;
}

function isSame32(firstPtr: usize, secondPtr: usize): bool {
  const first = load<u64>(firstPtr) ^ load<u64>(secondPtr);
  const second = load<u64>(firstPtr, 8) ^ load<u64>(secondPtr, 8);
  const third = load<u64>(firstPtr, 16) ^ load<u64>(secondPtr, 16);
  const fourth = load<u64>(firstPtr, 24) ^ load<u64>(secondPtr, 24);
  return (first | second | third | fourth) == 0;
}
