/**
 * Prints the facts of a diagnosis, the most general first. No judgement: the causes are in
 * diagnosis_causes.ts.
 */
import { BlkDevice } from "../blk/device";
import { Diagnosis, Second } from "../blk/diagnosis";
import { VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT } from "../blk/layout";
import { E_OK, errorText } from "../util/errors";
import { hexDigit } from "../util/numbers";
import { printDiskName } from "./command";
import { Console, out } from "./console";

const NS_PER_MS: u64 = 1_000_000;
const LABEL_COLUMN: i32 = 13;
const ADDRESS_COLUMN: i32 = 15;

/** `0x80412000`, with at least two digits. Returns its length. */
export function printHex(value: u64): i32 {
  let digits = 2;
  for (let rest = value >> 8; rest != 0; rest >>= 4) ++digits;
  out.text("0x");
  for (let at = digits - 1; at >= 0; --at) out.char(hexDigit((<u32>(value >> (4 * at))) & 15));
  return digits + 2;
}

/** Prints all that is known. */
export function printState(disk: BlkDevice, facts: Diagnosis): void {
  printDiskName(disk);
  out.text(": ");
  printHeadline(disk, facts);
  printDevice(facts);
  if (facts.transport.setUpCount > 0) printSetUp(facts);
  if (facts.queue.size > 0) {
    printPlaces(facts);
    printIndices(facts);
    printNotifications(disk, facts);
  }
  if (facts.slot >= 0) printChain(facts);
}

function printHeadline(disk: BlkDevice, facts: Diagnosis): void {
  if (facts.slot >= 0) {
    out.text(requestName(facts.request.type)).text(" at sector ").decimal(facts.request.lba);
    out
      .text(" has been with the device for ")
      .decimal(facts.ageNs / NS_PER_MS)
      .text(" ms, ");
    out.decimal(disk.queue.inFlightCount).text(" in flight").line();
  } else if (disk.health != E_OK) {
    out.text("not usable: ").text(errorText(disk.health)).line();
  } else {
    out.text("nothing is stuck").line();
  }
}

function requestName(type: u32): string {
  if (type == VIRTIO_BLK_T_IN) return "read";
  if (type == VIRTIO_BLK_T_OUT) return "write";
  return type == VIRTIO_BLK_T_FLUSH ? "flush" : "request";
}

function label(text: string): Console {
  return out.text("  ").text(text).pad(text.length, LABEL_COLUMN);
}

function printDevice(facts: Diagnosis): void {
  const transport = facts.transport;
  label("device").text("version ").decimal(transport.version);
  out.text(", id ").decimal(transport.deviceId).text(", status ");
  printHex(transport.status);
  out.text(" (written ");
  printHex(transport.statusWritten);
  if (transport.isResetting) {
    out.text(transport.status == 0 ? "), reset" : "), being reset, no more may be read").line();
    return;
  }
  out.text("), interrupt ");
  printHex(transport.interruptStatus);
  out.line();
}

/** What the device was told when the queue was handed over. */
function printSetUp(facts: Diagnosis): void {
  const transport = facts.transport;
  label("set-up").text("QueueSize ");
  printWritten(transport.queueSize);
  if (transport.isLegacy) {
    out.text(", GuestPageSize ");
    printWritten(transport.pageBytes);
    out.text(", QueueAlign ");
    printWritten(transport.alignBytes);
    out.line();
    label("").text("QueuePFN ");
  } else {
    out.text(", QueueReady ");
  }
  printHex(transport.placeWritten);
  out.text(" reads ");
  printHex(transport.placeRead);
  out.line();
}

function printWritten(value: u32): void {
  if (value == 0) out.text("never written");
  else out.decimal(value);
}

function printPlaces(facts: Diagnosis): void {
  const transport = facts.transport;
  const queue = facts.queue;
  label("").text("ours").pad(4, ADDRESS_COLUMN).text("by the device's rule").line();
  printPlace("table", queue.tablePhys, transport.tablePhys);
  printPlace("available", queue.availPhys, transport.availPhys);
  printPlace("used", queue.usedPhys, transport.usedPhys);
  label("elsewhere");
  if (queue.strayPhys != 0) {
    out.text("words that we never wrote at ");
    printHex(queue.strayPhys);
    out.text(", as a used ring: idx ").decimal(queue.strayIdx).line();
  } else {
    out.text("no words that we never wrote in the queue's pages").line();
  }
}

function printPlace(name: string, ours: u64, devices: u64): void {
  label(name);
  out.pad(printHex(ours), ADDRESS_COLUMN);
  if (devices == 0) out.text("not known");
  else printHex(devices);
  out.line();
}

function printIndices(facts: Diagnosis): void {
  const queue = facts.queue;
  label("available").text("idx ").decimal(queue.availIdxSeen);
  out.text(" (ours ").decimal(queue.availIdx).text("), flags ").decimal(queue.availFlags).line();
  label("used").text("idx ").decimal(queue.usedIdxSeen);
  out.text(" (ours ").decimal(queue.usedIdx).text("), flags ").decimal(queue.usedFlags);
  if (queue.hasEventIdx) {
    out.text(", avail_event ").decimal(queue.availEvent);
    if (facts.slot >= 0 && queue.isTaken()) out.text(": the device has fetched all");
  }
  out.line();
}

function printNotifications(disk: BlkDevice, facts: Diagnosis): void {
  label("notified").decimal(disk.statistics.notificationsSent).text(" times, ");
  out.decimal(disk.statistics.notificationsSuppressed).text(" times not wanted; ");
  if (facts.transport.hasNotified) {
    out.text("last for queue ").decimal(facts.transport.notifiedQueue);
  } else {
    out.text("QueueNotify not written since the reset");
  }
  out.line();
  if (facts.slot < 0 || facts.second == Second.NOT_NEEDED) return;
  label("once more").text(secondText(facts.second)).line();
}

function secondText(second: Second): string {
  if (second == Second.HELPED) return "a second notification helped";
  if (second == Second.CAME_LATE) return "it came back just now, after a second notification";
  if (second == Second.SENT) return "a second notification did not help within 10 ms";
  if (second == Second.NOT_WANTED) return "not notified again: the device asks not to be";
  return "not notified again: the device is not ready for it";
}

function printChain(facts: Diagnosis): void {
  const chain = facts.chain;
  label("chain").text("head ").decimal(chain.head);
  out.text(chain.isIndirect ? ", in a table of its own" : ", in the ring").line();
  for (let i: u32 = 0; i < chain.count; ++i) {
    const entry = chain.at(i);
    label("").decimal(entry.index).text(": ");
    out.pad(printHex(entry.phys), ADDRESS_COLUMN);
    out.right(entry.lengthBytes, 8).text(" bytes, device ");
    out.text(entry.isWritable() ? "writes" : "reads");
    out.text(entry.isMemory() ? "" : ", NOT OUR MEMORY").text(", flags ");
    printHex(entry.flags);
    out.text(", next ").decimal(entry.next).line();
  }
  label("status byte");
  printHex(facts.statusByte);
  out.text(facts.isTouched() ? ", the device has written it" : ", as we set it").line();
}
