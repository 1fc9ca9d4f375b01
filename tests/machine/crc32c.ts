/** CRC32C, written from its definition: what a host lends to the driver, and what tests expect. */

const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc >>> 0;
});

/** The CRC32C of bytes that follow those whose CRC32C is `seed`. */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let crc = ~seed >>> 0;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}
