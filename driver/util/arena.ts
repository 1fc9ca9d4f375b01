/**
 * Static memory: every object and buffer of the driver is placed once, at start, and lives as long
 * as the module.
 *
 * The arena is the linear memory above the compiler's data. Nothing is ever given back, and the
 * module has no allocator: `new` is not used anywhere. Running out is a bug of ours and traps.
 */

/**
 * The part of AssemblyScript's object header that virtual calls and array bounds read: class id and
 * size.
 */
const OBJECT_HEADER_BYTES: usize = 16;
const CLASS_ID_BEHIND_PTR: usize = 8;
const SIZE_BEHIND_PTR: usize = 4;

let usedBytes: usize = 0;

/** Reserves `lengthBytes` zeroed bytes at a multiple of `alignment`, a power of two. */
export function reserve(lengthBytes: usize, alignment: usize): usize {
  const ptr = (__heap_base + usedBytes + alignment - 1) & ~(alignment - 1);
  usedBytes = ptr + lengthBytes - __heap_base;
  assert(ptr + lengthBytes <= (<usize>memory.size()) << 16, "linear memory is exhausted");
  return ptr;
}

/** Bytes of linear memory in use, the compiler's data included. */
export function reservedBytes(): usize {
  return __heap_base + usedBytes;
}

function placeObject(classId: u32, lengthBytes: usize): usize {
  const ptr = reserve(OBJECT_HEADER_BYTES + lengthBytes, 16) + OBJECT_HEADER_BYTES;
  store<u32>(ptr - CLASS_ID_BEHIND_PTR, classId);
  store<u32>(ptr - SIZE_BEHIND_PTR, <u32>lengthBytes);
  return ptr;
}

/**
 * An instance of `T` with all fields zero. No constructor runs: give the class an `init` method.
 */
export function place<T>(): T {
  return changetype<T>(placeObject(idof<T>(), offsetof<T>()));
}

/** An array of `length` zero elements. References in it are null until they are set. */
export function placeArray<T>(length: i32): StaticArray<T> {
  const ptr = placeObject(idof<StaticArray<T>>(), (<usize>length) << alignof<T>());
  return changetype<StaticArray<T>>(ptr);
}
