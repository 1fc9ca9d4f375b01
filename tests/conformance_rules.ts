/**
 * The rules of the specification for a driver of a block device, in short, and what shows that this
 * one keeps them.
 *
 * For most of them the model has wrong drivers, which are found by their rule and not listed here.
 * `tests` names tests by file and a part of their name, for what a device cannot see or what only
 * the behaviour of this driver shows. A rule that nothing can show has a reason.
 */

export interface Rule {
  readonly id: string;
  readonly text: string;
  readonly section: string;
  /** `file: part of the name`, without `.test.ts`. */
  readonly tests: readonly string[];
  readonly reason: string;
}

function rule(id: string, section: string, text: string, ...tests: readonly string[]): Rule {
  return { id, section, text, tests, reason: "" };
}

function untested(id: string, section: string, text: string, reason: string): Rule {
  return { id, section, text, tests: [], reason };
}

const KNOWN_ONLY = "bring_up: only known features are accepted";
const NOT_ACCEPTED = "the feature is never accepted";

const STATUS: readonly Rule[] = [
  rule("STATUS-01", "2.1.1", "status bits are set one by one"),
  rule("STATUS-02", "2.1.1", "no status bit is cleared but by a reset"),
  rule("STATUS-03", "2.1.1", "FAILED is followed by a reset before a new attempt"),
  rule(
    "STATUS-04",
    "2.1.1",
    "a device that asks for a reset gets one; nothing is concluded about what was in flight",
    "recovery: a request for a reset is answered with one",
    "recovery: everything in flight is sent again",
  ),
  rule("STATUS-05", "3.1.1", "the steps of initialisation come in their order"),
  rule("STATUS-06", "3.1.1", "FEATURES_OK is read back, and its absence ends the attempt"),
  rule("STATUS-07", "3.1.1", "the configuration is not written while features are negotiated"),
  rule("STATUS-08", "3.1.1", "no feature is accepted after FEATURES_OK"),
  rule(
    "STATUS-09",
    "3.1.1",
    "an initialisation without hope ends with FAILED",
    "bring_up: is refused with FAILED",
  ),
  rule("STATUS-10", "3.1.1", "no notification before DRIVER_OK"),
  rule(
    "STATUS-11",
    "3.2.1",
    "a configuration change may be the wish for a reset",
    "recovery: a request for a reset while nothing is going on",
  ),
  rule("RESET-01", "2.4.2", "a reset is over when the status reads 0"),
  rule(
    "RESET-02",
    "3.3.1",
    "what the device owns is left alone until it is given back, or until a reset",
    "recovery: nothing ends before the reset is over",
  ),
  untested("RESET-03", "2.6.1.1.2", "a queue reset is confirmed", `RING_RESET: ${NOT_ACCEPTED}`),
  untested("RESET-04", "2.6.1.2.2", "a queue is set up anew", `RING_RESET: ${NOT_ACCEPTED}`),
  untested("SUSP-01", "3.4.1", "SUSPEND only if negotiated", `SUSPEND: ${NOT_ACCEPTED}`),
  untested("SUSP-02", "3.4.1", "a suspended device is left alone", `SUSPEND: ${NOT_ACCEPTED}`),
  rule(
    "CFG-01",
    "2.5.1",
    "fields of more than 32 bits are read until they hold still",
    "bring_up: a capacity that changes while it is read is read again",
  ),
  rule("CFG-02", "2.5.1", "an optional field is read only with its feature"),
  untested(
    "CFG-03",
    "2.5.1",
    "no exact size of the configuration is demanded",
    "MMIO does not tell the size; the driver looks at the length of the window only",
  ),
  rule("CFG-04", "2.5.4", "on a legacy device two reads of the capacity agree"),
];

const FEATURES: readonly Rule[] = [
  rule("FEAT-01", "2.2.1", "only what is offered is accepted"),
  untested(
    "FEAT-02",
    "2.2.1",
    "a feature is accepted only with what it needs",
    "no feature that the driver accepts needs another",
  ),
  rule("FEAT-03", "2.2.1", "what is unknown, reserved or not for this device is declined"),
  rule(
    "FEAT-04",
    "2.2.1",
    "without a wanted feature the driver does without, or gives the device up",
    "bring_up: a disk that offers nothing optional works",
    "bring_up: without VERSION_1 is refused with FAILED",
  ),
  rule("FEAT-05", "2.2.1", "an unknown offer is no reason to fail", KNOWN_ONLY),
  rule("FEAT-06", "6.1", "VERSION_1 is accepted"),
  rule("FEAT-07", "6.1", "without ACCESS_PLATFORM addresses are physical"),
  rule("FEAT-08", "6.1", "ORDER_PLATFORM may be declined, barriers are full", KNOWN_ONLY),
  rule("FEAT-09", "6.1", "RING_PACKED and NOTIF_CONFIG_DATA may be declined", KNOWN_ONLY),
  rule("FEAT-10", "6.1", "SR_IOV is for PCI only"),
  rule("FEAT-11", "4.2.5", "ADMIN_VQ is reserved on MMIO"),
  rule(
    "FEAT-12",
    "2.2.3",
    "a device without VERSION_1 is a legacy one",
    "bring_up: a version 2 device without VERSION_1",
  ),
  rule("FEAT-13", "6.3", "ANY_LAYOUT is accepted on a legacy device, bit 30 never"),
];

const SPLIT: readonly Rule[] = [
  rule("SPLIT-01", "2.7.1", "table, available ring and used ring are aligned to 16, 2 and 4"),
  rule("SPLIT-02", "2.7", "the queue size is a power of two that the device allows"),
  rule("SPLIT-03", "2.7.4.2", "readable buffers come before writable ones"),
  rule(
    "SPLIT-04",
    "2.7.4.2",
    "no silly number of descriptors for a buffer",
    "requests: a list longer than any chain is split",
  ),
  rule("SPLIT-05", "2.7.5.2", "a chain has no loop and at most 4 GiB"),
  rule("SPLIT-06", "2.7.5.3.1", "a chain is no longer than the queue"),
  untested(
    "SPLIT-07",
    "2.7.5.2",
    "order of descriptors with IN_ORDER",
    `IN_ORDER: ${NOT_ACCEPTED}`,
  ),
  rule("SPLIT-08", "2.7.5.3.1", "INDIRECT only if negotiated, not nested, not with NEXT"),
  rule("SPLIT-09", "2.7.5.3", "an indirect table is a whole number of entries"),
  rule("SPLIT-10", "2.7.6.1", "avail.idx never goes back"),
  rule(
    "SPLIT-11",
    "2.7.13.2",
    "indices are 16 bits and wrap",
    "requests: the ring indices wrap past 65535",
  ),
  rule("SPLIT-12", "2.7.13.3.1", "descriptors and ring entry are visible before avail.idx"),
  rule("SPLIT-13", "2.7.13.4.1", "a barrier between avail.idx and the wish for notifications"),
  rule(
    "SPLIT-14",
    "2.7.14",
    "a barrier between used.idx and what it announces",
    "requests: status and data are read behind the barrier",
  ),
  rule("SPLIT-15", "2.7.7.1", "avail.flags is 0 or 1, and 0 with EVENT_IDX"),
  rule(
    "SPLIT-16",
    "2.7.7.1",
    "interrupts nobody asked for do no harm",
    "fuzz: a hostile device neither traps nor hangs",
  ),
  rule("SPLIT-17", "2.7.10.1", "the used ring starts as zeros"),
  rule(
    "SPLIT-18",
    "2.7.10.1",
    "without EVENT_IDX the device is notified unless it says not to",
    "requests: a device that asks for no notification gets none",
  ),
  rule(
    "SPLIT-19",
    "2.7.10.1",
    "with EVENT_IDX the device is notified when avail_event is passed",
    "requests: a device that asks for no notification gets none",
  ),
  rule(
    "SPLIT-20",
    "2.7.14",
    "a last look after interrupts are switched on again",
    "waiting: completions at any moment around the last look are not slept through",
  ),
  rule(
    "SPLIT-21",
    "2.7.8.3",
    "nothing is concluded from a used length that understates",
    "recovery: a used length that understates is no fault",
  ),
  rule(
    "SPLIT-22",
    "2.7.8",
    "a used id is 32 bits, and is checked",
    "recovery: has bits above 16",
    "recovery: names a chain that is not in flight",
  ),
  untested("SPLIT-23", "2.7.9", "one used entry for many chains", `IN_ORDER: ${NOT_ACCEPTED}`),
  rule(
    "SPLIT-24",
    "2.7.6",
    "rings have room for the event words, which are where they belong",
    "requests: the ring indices wrap past 65535",
  ),
];

const MMIO: readonly Rule[] = [
  rule("MMIO-01", "4.2.2.2", "only registers that exist are touched, in their direction"),
  rule("MMIO-02", "4.2.2.2", "registers are accessed with 32 bits"),
  rule("MMIO-03", "4.2.2.2", "fields of the configuration are accessed in their own width"),
  rule(
    "MMIO-04",
    "4.2.2.2",
    "a window without magic or known version is skipped",
    "model: no virtio device",
    "bring_up: empty slots, other devices and other versions are left alone",
  ),
  rule("MMIO-05", "4.2.3.1.1", "probing reads magic, version, DeviceID, and stops at 0"),
  rule("MMIO-06", "4.2.2.2", "the feature word is selected first"),
  rule("MMIO-07", "4.2.2.2", "the queue is no larger than the device allows"),
  rule("MMIO-08", "4.2.2.2", "a queue that is ready is not changed"),
  rule("MMIO-09", "4.2.2.2", "a queue that is stopped is read back"),
  rule("MMIO-10", "4.2.3.2", "a queue is set up in the order of the text"),
  rule(
    "MMIO-11",
    "4.2.3.4.1",
    "what an interrupt was for is read, and acknowledged",
    "waiting: each sleep ends with the interrupt that was asked for",
  ),
  rule("MMIO-12", "4.2.2.2", "only defined interrupt causes that were seen are acknowledged"),
  rule("MMIO-13", "4.2.3.3", "a notification names a queue that is set up"),
  rule("MMIO-14", "4.2.3.1.1", "shared memory registers are left alone"),
  untested("MMIO-15", "4.2.2.2", "a queue reset is waited for", `RING_RESET: ${NOT_ACCEPTED}`),
  rule("MMIO-16", "2.5.1", "the generation is read before and after the capacity"),
];

const LEGACY: readonly Rule[] = [
  rule("LEGACY-01", "3.1.2", "initialisation without FEATURES_OK"),
  rule("LEGACY-02", "4.1.4.10", "features end at bit 31"),
  rule("LEGACY-03", "4.2.4", "GuestPageSize is set before any queue"),
  rule("LEGACY-04", "4.2.4", "a queue is set up in the order of the text"),
  rule("LEGACY-05", "4.2.4", "a queue in use is neither moved nor asked for its size"),
  rule(
    "LEGACY-06",
    "2.7.2",
    "one block: table, available ring, padding, used ring",
    "bring_up: entries are used",
  ),
  rule(
    "LEGACY-07",
    "2.7.2",
    "the block is as long as the formula says",
    "bring_up: entries are used",
  ),
  rule(
    "LEGACY-08",
    "2.7.2",
    "the used ring is at the next multiple of QueueAlign",
    "bring_up: entries are used",
  ),
  untested(
    "LEGACY-09",
    "2.7.3",
    "everything is in the byte order of the guest",
    "WebAssembly and RISC-V are little endian, there is no other guest",
  ),
  rule(
    "LEGACY-10",
    "2.7.8.1",
    "the used length is ignored",
    "recovery: a used length beyond the buffer is impossible, on version 2 only",
  ),
  rule("LEGACY-11", "5.2.6.4", "without ANY_LAYOUT header and status are descriptors of their own"),
  untested(
    "LEGACY-12",
    "5.2.6.3",
    "type 5 is a flush as well",
    "a rule for the device; the driver sends type 4 and refuses 5",
  ),
  untested("LEGACY-13", "5.2.5.3", "writeback may be accessed early", "a liberty, not used"),
  untested(
    "LEGACY-14",
    "5.2.6.3",
    "old devices may lose writes if FLUSH is declined",
    "the driver accepts FLUSH wherever it is offered",
  ),
  rule("LEGACY-15", "5.2.6.3", "the barrier bit only with F_BARRIER"),
  rule("LEGACY-16", "5.2.6.3", "SCSI commands only with F_SCSI"),
];

const PCI: readonly Rule[] = Array.from({ length: 20 }, (_, index) =>
  untested(
    `PCI-${String(index + 1).padStart(2, "0")}`,
    "4.1",
    "a rule of the PCI transport",
    "no PCI transport yet",
  ),
);

const BLK: readonly Rule[] = [
  rule(
    "BLK-01",
    "5.2.5.1",
    "FLUSH is accepted because it is sent",
    "requests: a flush reaches the cache of the disk",
  ),
  rule(
    "BLK-02",
    "5.2.5.1",
    "without FLUSH and CONFIG_WCE writes are taken as synchronous",
    "bring_up: a disk that offers nothing optional works, with synchronous writes",
  ),
  rule("BLK-03", "5.2.5.1", "writeback is not read before FEATURES_OK"),
  rule("BLK-04", "5.2.6.1", "writeback is 0 or 1, and not switched with requests in flight"),
  rule(
    "BLK-05",
    "5.2.6.2",
    "a write is durable by a flush that was sent after it had ended",
    "recovery: a flush is sent again only when its writes have ended",
    "fuzz: random requests leave the disk as a byte array would be",
  ),
  rule(
    "BLK-06",
    "5.2.6.1",
    "nothing past the capacity",
    "requests: arguments of lists are checked",
  ),
  rule(
    "BLK-07",
    "5.2.6.1",
    "a configuration change may be a new capacity",
    "recovery: a resize is seen, in flight and at idle",
  ),
  rule("BLK-08", "5.2.6.1", "RO is accepted", "requests: a write to a read-only disk is not sent"),
  rule("BLK-09", "5.2.6.1", "FLUSH has sector 0 and no data"),
  rule("BLK-10", "5.2.6.1", "data are whole sectors"),
  rule("BLK-11", "5.2.6", "a sector is 512 bytes; unused fields are 0"),
  rule("BLK-12", "5.2.6.1", "ranges are multiples of 16 bytes"),
  rule("BLK-13", "5.2.6.1", "no more ranges than the device takes"),
  rule("BLK-14", "5.2.5", "no larger ranges than the device takes"),
  rule("BLK-15", "5.2.6.1", "DISCARD without unmap; contents unknown afterwards"),
  rule("BLK-16", "5.2.6", "WRITE_ZEROES with no flag but unmap; zeros afterwards"),
  rule(
    "BLK-17",
    "5.2.6.1",
    "an error of several ranges says nothing about one",
    "fuzz: random requests leave the disk as a byte array would be",
  ),
  rule(
    "BLK-18",
    "5.2.6.1",
    "GET_ID has 20 bytes, and perhaps no end mark",
    "requests: serial number and wear are read",
  ),
  rule("BLK-19", "5.2.6", "GET_LIFETIME has three 16-bit numbers"),
  rule("BLK-20", "5.2.3", "a type is sent only with its feature"),
  rule(
    "BLK-21",
    "5.2.3",
    "SIZE_MAX and SEG_MAX are kept",
    "requests: a request of 100 sectors reads and writes every byte",
  ),
  rule("BLK-22", "5.2.2", "one queue without MQ; no order between requests", KNOWN_ONLY),
  rule(
    "BLK-23",
    "5.2.6",
    "the status byte is preset, and only 0 to 2 are answers",
    "recovery: an untouched status byte ends in its error after a reset",
  ),
  untested("BLK-24", "5.2.5.1", "ZONED only with all its models", `ZONED: ${NOT_ACCEPTED}`),
  untested("BLK-25", "5.2.6.1", "limits of zoned requests", `ZONED: ${NOT_ACCEPTED}`),
];

export const RULES: readonly Rule[] = [
  ...STATUS,
  ...FEATURES,
  ...SPLIT,
  ...MMIO,
  ...LEGACY,
  ...PCI,
  ...BLK,
];
