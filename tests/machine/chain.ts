/**
 * A descriptor chain as the device finds it, and the proof of what it looked like (§2.7.5).
 *
 * Walking is strict: every rule on ids, flags, order and lengths is checked before a byte of the
 * buffers is used. The walk keeps a copy of everything the driver handed over for reading. The
 * driver may not touch any of it until the device gives the buffer back (§3.3.1), so the copy is
 * compared then.
 */

import { isEqual } from "./bytes.js";
import { GuestMemory } from "./memory.js";
import { Desc } from "./spec.js";
import { Referee } from "./violation.js";

export interface Segment {
  readonly addrPhys: number;
  readonly lengthBytes: number;
  readonly isWritable: boolean;
}

interface Evidence {
  readonly what: string;
  readonly addrPhys: number;
  readonly bytes: Uint8Array;
}

interface Descriptor extends Segment {
  readonly flags: number;
  readonly next: number;
}

/** Where a table of descriptors is: the queue's own, or an indirect one. */
interface Table {
  readonly phys: number;
  readonly entryCount: number;
  readonly isIndirect: boolean;
}

export class Chain {
  readonly segments: Segment[] = [];
  /** Entries of the queue's own table that this chain occupies. */
  readonly ids: number[] = [];
  private readonly evidence: Evidence[] = [];

  constructor(
    readonly head: number,
    private readonly memory: GuestMemory,
  ) {}

  get readable(): Segment[] {
    return this.segments.filter((segment) => !segment.isWritable);
  }

  get writable(): Segment[] {
    return this.segments.filter((segment) => segment.isWritable);
  }

  keep(what: string, addrPhys: number, lengthBytes: number): void {
    this.evidence.push({ what, addrPhys, bytes: this.memory.copy(addrPhys, lengthBytes) });
  }

  /** RESET-02: nothing the driver handed over has changed since. */
  verify(referee: Referee): void {
    for (const { what, addrPhys, bytes } of this.evidence) {
      const now = this.memory.slice(addrPhys, bytes.length);
      referee.require(
        isEqual(now, bytes),
        "RESET-02",
        `${what} of chain ${this.head} changed while in flight`,
      );
    }
  }
}

export class ChainWalker {
  constructor(
    private readonly memory: GuestMemory,
    private readonly referee: Referee,
    private readonly tablePhys: number,
    private readonly queueSize: number,
    private readonly hasIndirect: boolean,
  ) {}

  walk(head: number): Chain {
    const chain = new Chain(head, this.memory);
    const own = { phys: this.tablePhys, entryCount: this.queueSize, isIndirect: false };
    this.follow(chain, own, head);
    this.checkWhole(chain);
    for (const { addrPhys, lengthBytes } of chain.readable) {
      chain.keep("device-readable memory", addrPhys, lengthBytes);
    }
    for (const { addrPhys, lengthBytes } of chain.writable)
      this.memory.slice(addrPhys, lengthBytes);
    return chain;
  }

  private follow(chain: Chain, table: Table, first: number): void {
    const visited = new Set<number>();
    for (let id = first; ;) {
      this.referee.require(
        id < table.entryCount,
        "SPLIT-06",
        `descriptor ${id} is not in the table`,
      );
      this.referee.require(
        !visited.has(id),
        "SPLIT-05",
        `the chain loops back to descriptor ${id}`,
      );
      visited.add(id);
      const descriptor = this.load(chain, table, id);
      if ((descriptor.flags & Desc.INDIRECT) !== 0) this.followIndirect(chain, table, descriptor);
      else chain.segments.push(descriptor);
      if ((descriptor.flags & Desc.NEXT) === 0) return;
      id = descriptor.next;
    }
  }

  private load(chain: Chain, table: Table, id: number): Descriptor {
    const phys = table.phys + id * Desc.BYTES;
    if (!table.isIndirect) {
      chain.ids.push(id);
      chain.keep(`descriptor ${id}`, phys, Desc.BYTES);
    }
    const flags = this.memory.read16(phys + 12);
    const lengthBytes = this.memory.read32(phys + 8);
    this.referee.require((flags & ~7) === 0, "SPLIT-08", `descriptor ${id} has flags ${flags}`);
    this.referee.require(lengthBytes > 0, "BLK-10", `descriptor ${id} has length 0`);
    return {
      addrPhys: this.memory.read64(phys),
      lengthBytes,
      isWritable: (flags & Desc.WRITE) !== 0,
      flags,
      next: this.memory.read16(phys + 14),
    };
  }

  private followIndirect(chain: Chain, table: Table, referring: Descriptor): void {
    const { addrPhys, lengthBytes, flags } = referring;
    this.referee.require(this.hasIndirect, "SPLIT-08", "INDIRECT was not negotiated");
    this.referee.require(!table.isIndirect, "SPLIT-08", "INDIRECT inside an indirect table");
    this.referee.require((flags & Desc.NEXT) === 0, "SPLIT-08", "INDIRECT together with NEXT");
    const isWhole = lengthBytes % Desc.BYTES === 0;
    this.referee.require(isWhole, "SPLIT-09", `an indirect table of ${lengthBytes} bytes`);
    const entryCount = lengthBytes / Desc.BYTES;
    const isShort = entryCount <= this.queueSize;
    this.referee.require(isShort, "SPLIT-06", `an indirect table of ${entryCount} entries`);
    chain.keep("indirect table", addrPhys, lengthBytes);
    this.follow(chain, { phys: addrPhys, entryCount, isIndirect: true }, 0);
  }

  private checkWhole(chain: Chain): void {
    const { segments, head } = chain;
    const firstWritable = segments.findIndex((segment) => segment.isWritable);
    const lateRead = segments.findIndex(
      (s, at) => firstWritable >= 0 && at > firstWritable && !s.isWritable,
    );
    this.referee.require(lateRead < 0, "SPLIT-03", `chain ${head}: readable after writable`);
    const totalBytes = segments.reduce((sum, segment) => sum + segment.lengthBytes, 0);
    this.referee.require(
      totalBytes <= 2 ** 32,
      "SPLIT-05",
      `chain ${head} has ${totalBytes} bytes`,
    );
  }
}
