/**
 * The likely causes of a stuck queue, in order, each with what to do about it.
 *
 * A cause that the facts prove comes first, in the order in which one of them hides another: the
 * wrong registers before what they say, a reset before what it undid, a wrong place before what is
 * not found there. Only when nothing is proven, what is left over is listed as possible.
 */
import { ChainFault, Diagnosis, Second } from "../blk/diagnosis";
import { REQUEST_QUEUE } from "../blk/device";
import { VIRTIO_ID_BLOCK } from "../blk/layout";
import { PAGE_BYTES } from "../dma";
import { ACKNOWLEDGE, DEVICE_NEEDS_RESET, DRIVER, DRIVER_OK, FAILED } from "../virtio/layout";
import { Console, out } from "./console";
import { printHex } from "./diagnosis_state";

const WORKING: u32 = ACKNOWLEDGE | DRIVER | DRIVER_OK;

let facts!: Diagnosis;
let printedCount: u32 = 0;

/** Prints the causes that fit the facts; nothing when all is well. */
export function printCauses(diagnosis: Diagnosis): void {
  facts = diagnosis;
  printedCount = 0;
  if (facts.transport.isResetting) return;
  judgeDevice();
  judgeSetUp();
  judgePlaces();
  if (facts.slot < 0) return;
  judgeRequest();
  if (printedCount == 0 && !facts.queue.hasUsed()) listPossible();
}

/** Starts the line of the next cause. */
function cause(text: string): Console {
  if (printedCount == 0) out.text("  likely causes, the likeliest first:").line();
  printedCount += 1;
  return out.text("  ").decimal(printedCount).text(". ").text(text);
}

/** Is it the right device, driven by the right registers, and does it work? */
function judgeDevice(): void {
  const transport = facts.transport;
  const expected: u32 = transport.isLegacy ? 1 : 2;
  if (!transport.isVirtio || transport.deviceId != VIRTIO_ID_BLOCK) {
    cause("no block device answers in this window: look for the disk in another one").line();
  } else if (transport.version != expected) {
    cause("version ").decimal(expected).text(" registers on a version ");
    out.decimal(transport.version).text(" device: use the set-up sequence of its version").line();
  }
  if (transport.status & DEVICE_NEEDS_RESET) {
    cause("the device has broken and asks for a reset: read the host's log, then 'reset'").line();
  }
  if (transport.status & FAILED) {
    cause("the driver gave the device up when it set it up: 'reset' tries that again").line();
  }
}

/** Was the queue handed over once, after a reset, and is it still? */
function judgeSetUp(): void {
  const transport = facts.transport;
  if (facts.queue.size == 0 || transport.status & FAILED) return;
  const isWorking = (transport.status & WORKING) == WORKING;
  // A page size that came late changes the page number as it is read
  const isKept = transport.placeRead == transport.placeWritten || transport.isPageSizeLate;
  if (transport.setUpCount == 0 || !isKept || !isWorking) {
    cause(
      "the device was reset after set-up and forgot its queue: reset first, then set up",
    ).line();
  }
  if (transport.setUpCount > 1 || transport.resetCount == 0) {
    cause("the queue was set up again without a reset, the device goes on where it was:").line();
    out.text("     write 0 to Status and wait until it reads 0 before every set-up").line();
  }
}

/** Does the device look where we are? */
function judgePlaces(): void {
  const transport = facts.transport;
  if (facts.transport.setUpCount == 0) return;
  const isPageRight = !transport.isLegacy || judgePageSize();
  const isSizeRight = transport.queueSize == facts.queue.size;
  if (!isSizeRight) {
    cause("the device uses another queue size (told ").decimal(transport.queueSize);
    out
      .text(", ours ")
      .decimal(facts.queue.size)
      .text("): write QueueSize before the place")
      .line();
  }
  const isStray = facts.slot >= 0 && facts.queue.strayPhys != 0;
  const isKnown = isPageRight && isSizeRight && transport.tablePhys != 0;
  const isTableRight = !isKnown || judgeTable();
  if (isStray || (isKnown && isTableRight && !areRingsRight())) blameUsedRing(isStray);
}

/** GuestPageSize, without which a legacy device multiplies the page number by something else. */
function judgePageSize(): bool {
  const transport = facts.transport;
  if (transport.pageBytes == <u32>PAGE_BYTES && !transport.isPageSizeLate) return true;
  if (transport.pageBytes == 0) cause("GuestPageSize was never written");
  else if (transport.isPageSizeLate) cause("GuestPageSize was written after QueuePFN");
  else cause("GuestPageSize is ").decimal(transport.pageBytes);
  out.text(", so QueuePFN means another address: write ").decimal(PAGE_BYTES);
  out.text(" before QueuePFN").line();
  return false;
}

function judgeTable(): bool {
  if (facts.transport.tablePhys == facts.queue.tablePhys) return true;
  cause("the device has the table somewhere else: ");
  const isAligned = facts.queue.tablePhys % PAGE_BYTES == 0;
  if (facts.transport.isLegacy && !isAligned) {
    out.text("QueuePFN drops the low bits, align the queue to ").decimal(PAGE_BYTES).line();
  } else {
    out.text("register the address of ours").line();
  }
  return false;
}

function areRingsRight(): bool {
  return (
    facts.transport.availPhys == facts.queue.availPhys &&
    facts.transport.usedPhys == facts.queue.usedPhys
  );
}

function blameUsedRing(isStray: bool): void {
  const devicesPhys = isStray ? facts.queue.strayPhys : facts.transport.usedPhys;
  cause("the used ring turned up elsewhere, at ");
  printHex(devicesPhys);
  out.text(", and we look at ");
  printHex(facts.queue.usedPhys);
  out.text(":").line();
  out
    .text("     lay the rings out by the device's rule, QueueAlign the same as in the layout")
    .line();
}

/** What the oldest request says. */
function judgeRequest(): void {
  const queue = facts.queue;
  if (queue.availIdxSeen != queue.availIdx || queue.availFlags > 1) {
    cause("the available ring holds garbage: idx ").decimal(queue.availIdxSeen);
    out.text(", sent ").decimal(queue.availIdx).text(": zero the rings before set-up").line();
  }
  if (facts.chainFault != ChainFault.NONE) blameChain();
  if (facts.second == Second.HELPED) blameNotification();
  if (facts.second == Second.CAME_LATE) blameBackend();
  if (printedCount > 0 || queue.hasUsed()) return;
  if (facts.isTouched()) blameLateBreak();
  else if (queue.isTaken()) blameBackend();
}

function blameChain(): void {
  cause("a bad descriptor, entry ").decimal(facts.faultPosition).text(" of the chain: ");
  out.text(faultText(facts.chainFault)).line();
  out
    .text("     the device stops at it and ignores all until a reset: mend it, then 'reset'")
    .line();
}

function faultText(fault: ChainFault): string {
  switch (fault) {
    case ChainFault.NOT_IN_RING:
      return "its head is not in the available ring";
    case ChainFault.TABLE:
      return "the ring does not point to its table";
    case ChainFault.LINKS:
      return "the links lead nowhere, or in a circle";
    case ChainFault.EMPTY:
      return "its length is zero";
    case ChainFault.OUTSIDE:
      return "it is outside our memory";
    case ChainFault.HEADER:
      return "not 16 bytes that the device reads";
    case ChainFault.ORDER:
      return "the device reads it, behind one it writes";
    default:
      return "not the status byte for the device to write";
  }
}

function blameNotification(): void {
  const transport = facts.transport;
  cause("the notification was lost");
  if (!transport.hasNotified) out.text(": it was never sent");
  else if (transport.notifiedQueue != REQUEST_QUEUE) {
    out.text(": it was for queue ").decimal(transport.notifiedQueue);
  }
  out.text(", the second one helped:").line();
  out.text("     write the queue's number, 32 bits, to QueueNotify after avail.idx").line();
}

function blameLateBreak(): void {
  cause(
    "the request was done, but used.idx did not move: the device broke with it in flight;",
  ).line();
  out.text("     read the host's log, then 'reset'").line();
  cause("or its writes do not reach us: look at caches, and at the address of the ring").line();
}

function blameBackend(): void {
  cause("the device has fetched the request and keeps it: its storage is slow, paused or").line();
  out.text("     hung; on the host, 'info status' and 'info block' say which").line();
}

/** Nothing is proven: what a guest cannot tell apart. */
function listPossible(): void {
  if (facts.second == Second.NOT_WANTED) {
    cause("the device asked not to be notified, and may not look: zero the rings before set-up");
    out.line();
  }
  cause("the device may use another queue size or place: compare them on the host").line();
  cause("a bad descriptor before this one may have stopped it: read the host's log").line();
  cause("an earlier owner may have left it half-way: 'reset', then try again").line();
  cause("its storage may be slow, paused or hung: 'info status' on the host").line();
}
