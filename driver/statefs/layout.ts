/**
 * What StateFS has on the disk, version 1. All numbers are little-endian. A unit is the block of
 * the disk it was formatted on, or its physical block where that is larger; nothing shares a unit
 * with anything else, so a write that is torn hurts nothing but itself.
 *
 *   byte 0         64 KiB         128 KiB
 *   +--------------+--------------+---------------------------+---------------------------+
 *   | superblock 0 | superblock 1 | half 0                    | half 1                    |
 *   +--------------+--------------+---------------------------+---------------------------+
 *
 * A half is a log of records, each in whole units, padded with zeros:
 *
 *   +-----------+-----------------+-------------------+----------+
 *   | header 64 | key 1 to 255    | value 0 to 1 MiB  | zeros    |
 *   +-----------+-----------------+-------------------+----------+
 */

/** "TSBLKSFS" */
export const SUPER_MAGIC: u64 = 0x5346534b4c425354;
export const FORMAT_VERSION: u32 = 1;

/** Bytes of a superblock that the sum is made of, and where the sum itself is. */
export const SUPER_BYTES: u32 = 512;
export const SUPER_CRC: u32 = 508;

/** Distance of the superblocks, which is also the largest unit; and where the halves start. */
export const SUPER_STRIDE: u32 = 65536;
export const HALVES_BYTE: u32 = 2 * SUPER_STRIDE;

/** In slot `commit % 2`, with zeros behind it and at 508 the CRC32C of bytes 0 to 507. */
@unmanaged
export class SuperBlock {
  magic: u64;
  version: u32;
  unitBytes: u32;
  /** What tells the records of this volume from those of one that was here before. */
  volumeId: u64;
  /** Counts superblocks: the larger one is the newer. */
  commit: u64;
  /** Units of the whole volume, superblocks included. */
  unitCount: u32;
  /** The half in use, and how often it has changed. */
  half: u32;
  epoch: u32;
  /** Records behind the committed ones are taken from this generation on. */
  generation: u32;
  /** Units of the half in use that are stable: every record in them is whole. */
  committedUnits: u32;
  reserved: u32;
  /** Largest sequence number in them. */
  lastSequence: u64;
}

/** "SFRC" */
export const RECORD_MAGIC: u32 = 0x43524653;

/** Kinds of records. */
export const RECORD_PUT: u8 = 1;
export const RECORD_REMOVE: u8 = 2;

export const KEY_BYTES_MAX: u32 = 255;
export const VALUE_BYTES_MAX: u32 = 1 << 20;

/** The bytes of a record that `headerCrc` covers start here, and end with the key. */
export const RECORD_SUM_START: u32 = 8;

@unmanaged
export class RecordHeader {
  magic: u32;
  headerCrc: u32;
  volumeId: u64;
  /** Grows with every record of a log. */
  sequence: u64;
  /** Raised before the first record after a mount. */
  generation: u32;
  /** Of the half when the record was written. */
  epoch: u32;
  /** The unit of the volume that this header is in. */
  place: u32;
  /** The place of the record that this one takes the place of, or 0. */
  replaces: u32;
  valueBytes: u32;
  valueCrc: u32;
  keyBytes: u16;
  kind: u8;
  reserved8: u8;
  reserved32: u32;
  reserved64: u64;
}

/** Bytes of the header, in front of the key. */
export const RECORD_HEADER_BYTES: u32 = 64;
