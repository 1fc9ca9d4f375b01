/** The few operations on bytes that the model needs; everything on the wire is little endian. */

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function get32(bytes: Uint8Array, at: number): number {
  return viewOf(bytes).getUint32(at, true);
}

/** A number up to 2^53; a greater one loses precision and stays great. */
export function get64(bytes: Uint8Array, at: number): number {
  return get32(bytes, at + 4) * 0x1_0000_0000 + get32(bytes, at);
}

/** Little-endian bytes of 32-bit words. */
export function words32(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  values.forEach((value, index) => viewOf(bytes).setUint32(index * 4, value, true));
  return bytes;
}

export function words16(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  values.forEach((value, index) => viewOf(bytes).setUint16(index * 2, value, true));
  return bytes;
}
