/**
 * Misbehaviour a test can switch on, off and combine, at any moment.
 *
 * The switches concern the device as a whole; `onRequest` concerns single requests, chosen by a
 * predicate. The first entry that matches and is not used up applies.
 */

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

interface Rule {
  readonly matches: RequestMatch;
  readonly fault: RequestFault;
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
  private rules: Rule[] = [];

  /** Applies `fault` to the next `count` requests that match. */
  onRequest(matches: RequestMatch, fault: RequestFault, count = Infinity): void {
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
    return rule.fault;
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
