/**
 * A chain read as a block request: header, data, status byte (§5.2.6), and the framing rules for
 * them (§5.2.6.4).
 *
 * A modern driver may spread the three over descriptors as it likes; a legacy one without
 * ANY_LAYOUT puts the header and the status byte into a descriptor each.
 */

import { concat, get32, get64 } from "./bytes.js";
import { Chain, type Segment } from "./chain.js";
import { GuestMemory } from "./memory.js";
import { HEADER_BYTES, S } from "./spec.js";
import { Referee } from "./violation.js";

export interface BlkRequest {
  readonly chain: Chain;
  readonly type: number;
  readonly reserved: number;
  readonly sector: number;
  /** Data the device reads, in order. */
  readonly dataOut: readonly Segment[];
  /** Data the device writes, in order, without the status byte. */
  readonly dataIn: readonly Segment[];
  readonly statusPhys: number;
}

export function totalBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.lengthBytes, 0);
}

/** The concatenated bytes of `segments`. */
export function gather(memory: GuestMemory, segments: readonly Segment[]): Uint8Array {
  return concat(segments.map((s) => memory.slice(s.addrPhys, s.lengthBytes)));
}

/** Writes `bytes` over `segments` from their beginning. */
export function scatter(
  memory: GuestMemory,
  segments: readonly Segment[],
  bytes: Uint8Array,
): void {
  let at = 0;
  for (const { addrPhys, lengthBytes } of segments) {
    memory.write(addrPhys, bytes.subarray(at, at + lengthBytes));
    at += lengthBytes;
  }
}

/** `segments` without their first `count` bytes. */
function skip(segments: readonly Segment[], count: number): Segment[] {
  const rest: Segment[] = [];
  let left = count;
  for (const segment of segments) {
    const taken = Math.min(left, segment.lengthBytes);
    left -= taken;
    const lengthBytes = segment.lengthBytes - taken;
    if (lengthBytes > 0) rest.push({ ...segment, addrPhys: segment.addrPhys + taken, lengthBytes });
  }
  return rest;
}

function withoutLastByte(segments: readonly Segment[]): Segment[] {
  const last = segments[segments.length - 1];
  if (!last) return [];
  const shorter = { ...last, lengthBytes: last.lengthBytes - 1 };
  return [...segments.slice(0, -1), ...(shorter.lengthBytes > 0 ? [shorter] : [])];
}

function checkFraming(chain: Chain, referee: Referee): void {
  const isHeaderAlone = chain.readable[0]?.lengthBytes === HEADER_BYTES;
  referee.require(isHeaderAlone, "LEGACY-11", "the header is not exactly one descriptor");
  const last = chain.writable[chain.writable.length - 1];
  const isStatusAlone = last?.lengthBytes === 1;
  referee.require(isStatusAlone, "LEGACY-11", "the status byte has no descriptor of its own");
}

export function parseRequest(
  chain: Chain,
  memory: GuestMemory,
  referee: Referee,
  isStrictlyFramed: boolean,
): BlkRequest {
  if (isStrictlyFramed) checkFraming(chain, referee);
  const { readable, writable } = chain;
  const last = writable[writable.length - 1];
  const hasHeader = totalBytes(readable) >= HEADER_BYTES;
  referee.require(hasHeader, "BLK-11", "the device-readable part is shorter than the header");
  if (!last) return referee.forbid("BLK-23", "no device-writable byte for the status");
  const statusPhys = last.addrPhys + last.lengthBytes - 1;
  const preset = memory.slice(statusPhys, 1)[0] ?? 0;
  referee.require(preset > S.LAST_ZONED, "BLK-23", `the status byte is preset to ${preset}`);
  const header = gather(memory, readable).subarray(0, HEADER_BYTES);
  return {
    chain,
    type: get32(header, 0),
    reserved: get32(header, 4),
    sector: get64(header, 8),
    dataOut: skip(readable, HEADER_BYTES),
    dataIn: withoutLastByte(writable),
    statusPhys,
  };
}
