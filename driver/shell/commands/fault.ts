/**
 * fault: lets this driver fail on purpose, to show that the machine survives it.
 *
 * Each kind is a bug that a driver may have. Most end this instance of the driver: the host
 * restarts it. Before the fault, blocks are written when a place for them is given, so that they
 * are in flight when it happens.
 */
import { BlkDevice } from "../../blk/device";
import { SECTOR_BYTES, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from "../../blk/layout";
import { Waiter } from "../../blk/waiter";
import * as host from "../../host";
import { place } from "../../util/arena";
import * as err from "../../util/errors";
import * as sabotage from "../../virtio/sabotage";
import { Args } from "../args";
import { bulkFor } from "../bulk";
import { Candidates } from "../candidates";
import { Command, complain, diskOperand, fail, numberOperand, printUsage } from "../command";
import { out } from "../console";

/** In the order of their names below. */
enum Fault {
  TRAP,
  LOOP,
  RECURSION,
  IMPORTS,
  MMIO,
  PANIC,
  USED,
  RING,
  DMA_LOW,
  DMA_HIGH,
  DMA_WRAP,
  DMA_INDIRECT,
  DMA_LATE,
  COUNT,
}

const NAMES: StaticArray<string> = [
  "trap",
  "loop",
  "recursion",
  "imports",
  "mmio",
  "panic",
  "used",
  "ring",
  "dma-low",
  "dma-high",
  "dma-wrap",
  "dma-indirect",
  "dma-late",
];

const BLOCKS_MAX: i64 = 128;

/** What the blocks are filled with, and what a buffer holds that is to be read into. */
const WRITTEN_BYTE: u8 = 0xfa;
const UNREAD_BYTE: u8 = 0x5a;

export class FaultCommand extends Command {
  private disk!: BlkDevice;
  private waiter!: Waiter;
  private kind: Fault;
  private readPtr: usize;

  init(): void {
    this.waiter = place<Waiter>();
  }

  name(): string {
    return "fault";
  }

  operands(): string {
    return "<kind> [<sector> <count> [dev]]";
  }

  summary(): string {
    return "lets the driver fail on purpose";
  }

  example(): string {
    return "fault panic";
  }

  complete(words: Args, to: Candidates): void {
    for (let kind = 0; kind < <i32>Fault.COUNT; ++kind) to.offerWords(NAMES[kind]);
    to.offerDisks();
  }

  run(args: Args): i32 {
    this.kind = kindOf(args);
    if (this.kind == Fault.COUNT || args.count == 3 || args.count > 5) return this.refuse(args);
    this.waiter.clear();
    const needsDisk = args.count > 2 || this.kind >= Fault.USED;
    const error = needsDisk ? this.prepare(args) : err.E_OK;
    if (error != err.E_OK) return error;
    return this.kind < Fault.USED ? this.failAlone() : this.failOnQueue(args);
  }

  resume(): i32 {
    const result = this.waiter.result();
    if (result == err.PENDING || this.kind != Fault.DMA_LATE) return result;
    const isFilled = load<u8>(this.readPtr) != UNREAD_BYTE;
    out.text("fault: the descriptor was changed when the device had it, and the device ");
    out.text(isFilled ? "has not seen it" : "has used it").line();
    return isFilled ? result : err.E_CORRUPT;
  }

  private refuse(args: Args): i32 {
    complain(args);
    out.text(args.count == 1 ? "missing operand" : "bad operand");
    printUsage(this);
    out.text("  kinds:");
    for (let kind = 0; kind < <i32>Fault.COUNT; ++kind) out.text(" ").text(NAMES[kind]);
    out.line();
    return err.E_ARGUMENT;
  }

  /** Sends the writes that are to be in flight. */
  private prepare(args: Args): i32 {
    const disk = diskOperand(args, 4);
    if (!disk) return err.E_NO_DEVICE;
    const bulkPtr = bulkFor(this.name());
    if (bulkPtr == 0) return err.E_RESET;
    const bytes = disk.config.blockBytes;
    this.disk = disk;
    this.readPtr = bulkPtr;
    memory.fill(bulkPtr, UNREAD_BYTE, bytes);
    if (args.count == 2) return err.E_OK;
    const lba = numberOperand(args, 2, "sector");
    const count = lba < 0 ? lba : numberOperand(args, 3, "count");
    if (count < 0) return err.E_ARGUMENT;
    if (count > BLOCKS_MAX) {
      complain(args);
      return fail(err.E_OVERFLOW);
    }
    const dataPtr = bulkPtr + bytes;
    memory.fill(dataPtr, WRITTEN_BYTE, bytes);
    for (let i: i64 = 0; i < count; ++i) {
      const at = lba + i * (bytes / SECTOR_BYTES);
      const error = this.waiter.send(disk, VIRTIO_BLK_T_OUT, at, dataPtr, bytes);
      if (error == err.PENDING) continue;
      complain(args);
      return fail(error);
    }
    return err.E_OK;
  }

  private failAlone(): i32 {
    switch (this.kind) {
      case Fault.TRAP:
        return load<i32>((<usize>memory.size()) << 16);
      case Fault.LOOP:
        return spin();
      case Fault.RECURSION:
        return recurse(1) + 1;
      case Fault.IMPORTS:
        while (host.clockNs() > 0) {}
        return err.E_OK;
      case Fault.MMIO:
        return host.mmioRead32(0, host.windowLength(0));
      default:
        assert(false, "fault panic");
        return err.E_OK;
    }
  }

  /** The faults that need a request of their own, which reads a block. */
  private failOnQueue(args: Args): i32 {
    const disk = this.disk;
    const queue = disk.queue;
    const bytes = disk.config.blockBytes;
    const slot = disk.submit(VIRTIO_BLK_T_IN, 0, this.readPtr, bytes, this.waiter);
    if (slot < 0) {
      complain(args);
      return fail(slot);
    }
    this.waiter.expect();
    const chain = disk.requests.at(slot);
    if (this.kind == Fault.RING) sabotage.nameNoDescriptor(queue);
    if (this.kind == Fault.DMA_LOW) sabotage.moveBelowMemory(chain);
    if (this.kind == Fault.DMA_HIGH) sabotage.moveAboveMemory(chain);
    if (this.kind == Fault.DMA_WRAP) sabotage.moveAroundEnd(chain);
    if (this.kind == Fault.DMA_INDIRECT) sabotage.moveTable(queue, chain);
    disk.dispatch();
    if (this.kind == Fault.DMA_LATE) sabotage.moveAboveMemory(chain);
    if (this.kind == Fault.USED) {
      sabotage.leapUsed(queue);
      disk.poll(); // before anybody mends it
    }
    return err.PENDING;
  }
}

/** The kind that word 1 names, or COUNT. */
function kindOf(args: Args): Fault {
  for (let kind = 0; kind < <i32>Fault.COUNT; ++kind) {
    if (args.is(1, NAMES[kind])) return <Fault>kind;
  }
  return Fault.COUNT;
}

let turns: u32 = 0;

/** For ever, without a call. */
function spin(): i32 {
  while (true) turns += 1;
}

/** Deeper and deeper. */
function recurse(depth: i32): i32 {
  return depth == 0 ? 0 : recurse(depth + 1) * 3 + depth;
}
