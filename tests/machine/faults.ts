/**
 * Misbehaviour a test can switch on, off and combine, at any moment.
 *
 * The switches concern the device as a whole; `onRequest` concerns single requests, chosen by a
 * predicate. The first entry that matches and is not used up applies. A device that lies in its
 * registers and writes where it likes is in hostile.ts.
 */

import type { Prng } from "./prng.js";
import type { BlkRequest } from "./request.js";

export interface RequestFault {
  /**
   * Answer with this status byte, and do nothing; `untouched` does the work and leaves the byte as
   * it was.
   */
  readonly status?: number | "untouched";
  /** Name another chain in the used entry, given the right one. */
  readonly usedId?: (head: number) => number;
  /** Another length in the used entry, given the right one. */
  readonly usedLength?: (lengthBytes: number) => number;
  /** Move used.idx by this much instead of 1. */
  readonly indexStep?: number;
  /** Push this many used entries: 0 drops the completion, 2 duplicates it. */
  readonly entryCount?: number;
  /** Complete this much later. */
  readonly delayNs?: number;
}

export type RequestMatch = (request: BlkRequest) => boolean;

/** Makes up a fault for each request that it is asked for. */
type FaultSource = () => RequestFault;

interface Rule {
  readonly matches: RequestMatch;
  readonly fault: RequestFault | FaultSource;
  usesLeft: number;
}

export class Faults {
  /** Takes requests and never completes them. */
  isSilent = false;
  /** Does not react to notifications at all, and takes nothing. */
  isDeaf = false;
  /** Keeps every request until the test releases it. */
  isHolding = false;
  /** Clears FEATURES_OK. */
  refusesFeatures = false;
  /** Reads of the status that still show the old value after a reset; Infinity never ends. */
  resetReads = 0;
  /** Sets DEVICE_NEEDS_RESET instead of completing the request that brings this count to 0. */
  requestsUntilBroken = Infinity;
  /** What a register read returns instead, given its offset and the right value. */
  onRead: ((offset: number, value: number) => number) | undefined;
  /** Called before a read of the configuration space, to change things in the middle. */
  beforeConfigRead: ((offset: number) => void) | undefined;
  /** Called when a reset has ended, before anything else can happen: the place to change. */
  onReset: (() => void) | undefined;
  private rules: Rule[] = [];

  /** Applies `fault` to the next `count` requests that match. */
  onRequest(matches: RequestMatch, fault: RequestFault | FaultSource, count = Infinity): void {
    this.rules.push({ matches, fault, usesLeft: count });
  }

  /** Forgets the faults of single requests; the switches stay. */
  clearRequests(): void {
    this.rules = [];
  }

  take(request: BlkRequest): RequestFault {
    const rule = this.rules.find(({ usesLeft, matches }) => usesLeft > 0 && matches(request));
    if (!rule) return {};
    rule.usesLeft -= 1;
    return typeof rule.fault === "function" ? rule.fault() : rule.fault;
  }
}

export const anyRequest: RequestMatch = () => true;

export const ofType =
  (type: number): RequestMatch =>
  (request) =>
    request.type === type;

/** A read or write that starts in `first` to `last`. */
export const startingIn =
  (first: number, last: number): RequestMatch =>
  ({ type, sector }) =>
    type <= 1 && sector >= first && sector <= last;

/** Completes every request a random time later, at most `withinNs`, and so in another order. */
export const reordering =
  (prng: Prng, withinNs: number): FaultSource =>
  () => ({ delayNs: prng.below(withinNs) });

const RANDOM_FAULTS: readonly ((prng: Prng) => RequestFault)[] = [
  () => ({ status: 1 }),
  () => ({ status: 2 }),
  (prng) => ({ status: 3 + prng.below(253) }),
  () => ({ status: "untouched" }),
  (prng) => ({ usedId: (head) => head + 1 + prng.below(300) }),
  (prng) => ({ usedId: () => prng.next() }),
  (prng) => ({ usedLength: (length) => length + 1 + prng.below(1000) }),
  () => ({ usedLength: () => 0 }),
  (prng) => ({ indexStep: 2 + prng.below(300) }),
  (prng) => ({ indexStep: -1 - prng.below(3) }),
  () => ({ entryCount: 0 }),
  () => ({ entryCount: 2 }),
  (prng) => ({ delayNs: prng.below(6_000_000_000) }),
];

/** One of the ways in which a single request can go wrong. */
export function randomFault(prng: Prng): RequestFault {
  return RANDOM_FAULTS[prng.below(RANDOM_FAULTS.length)]?.(prng) ?? {};
}
