/**
 * CRC32C (Castagnoli), reflected, as iSCSI and ext4 have it: the check value of "123456789" is
 * 0xe3069283.
 *
 * Eight tables take eight bytes a step, and the place of a table is part of the load: a byte costs
 * about five interpreted operations and not the ten of one table.
 */

const POLYNOMIAL: u32 = 0x82f63b78;
const TABLE_COUNT: usize = 8;
const TABLE_BYTES: usize = 1024;

const TABLES = memory.data(8 * 1024, 16);

/** The bits of the offset of an entry in its table. */
const ENTRY: u32 = 0x3fc;

/** Builds the tables. Called once, at start. */
export function initCrc32c(): void {
  for (let byte: u32 = 0; byte < 256; ++byte) {
    let crc = byte;
    for (let bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    store<u32>(TABLES + ((<usize>byte) << 2), crc);
  }
  for (let at: usize = TABLE_BYTES; at < TABLE_COUNT * TABLE_BYTES; at += 4) {
    const before = load<u32>(TABLES + at - TABLE_BYTES);
    store<u32>(TABLES + at, (before >> 8) ^ load<u32>(TABLES + ((before & 0xff) << 2)));
  }
}

/**
 * The sum of `lengthBytes` bytes at `ptr`, going on from `crc`, the sum of what comes before them;
 * 0 when nothing does.
 */
export function crc32c(crc: u32, ptr: usize, lengthBytes: usize): u32 {
  let sum = ~crc;
  let left = lengthBytes;
  let at = ptr;
  for (; left >= 8; left -= 8) {
    const low = sum ^ load<u32>(at);
    const high = load<u32>(at, 4);
    sum =
      load<u32>((low << 2) & ENTRY, TABLES + 7 * TABLE_BYTES) ^
      load<u32>((low >> 6) & ENTRY, TABLES + 6 * TABLE_BYTES) ^
      load<u32>((low >> 14) & ENTRY, TABLES + 5 * TABLE_BYTES) ^
      load<u32>((low >> 22) & ENTRY, TABLES + 4 * TABLE_BYTES) ^
      load<u32>((high << 2) & ENTRY, TABLES + 3 * TABLE_BYTES) ^
      load<u32>((high >> 6) & ENTRY, TABLES + 2 * TABLE_BYTES) ^
      load<u32>((high >> 14) & ENTRY, TABLES + TABLE_BYTES) ^
      load<u32>((high >> 22) & ENTRY, TABLES);
    at += 8;
  }
  for (; left > 0; --left) {
    sum = (sum >> 8) ^ load<u32>(((sum ^ load<u8>(at++)) << 2) & ENTRY, TABLES);
  }
  return ~sum;
}
