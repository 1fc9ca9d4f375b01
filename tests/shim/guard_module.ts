/**
 * A module that speaks virtio to the disk in window 0 by hand, for tests/guard.test.ts. The first
 * byte of the boot arguments picks what it does wrong. What the host does not stop powers the
 * machine off with status 23.
 *
 *   0x1000  descriptors of a queue of eight, available ring behind them
 *   0x2000  used ring
 *   0x3000  header, 0x4000 data, 0x5000 status byte, 0x6000 an indirect table
 */
import wabtModule from "wabt";

const IMPORTS = `
  (import "host" "mmioRead8" (func $mmioRead8 (param i32 i32) (result i32)))
  (import "host" "mmioRead16" (func $mmioRead16 (param i32 i32) (result i32)))
  (import "host" "mmioRead32" (func $mmioRead32 (param i32 i32) (result i32)))
  (import "host" "mmioWrite8" (func $mmioWrite8 (param i32 i32 i32)))
  (import "host" "mmioWrite16" (func $mmioWrite16 (param i32 i32 i32)))
  (import "host" "mmioWrite32" (func $mmioWrite32 (param i32 i32 i32)))
  (import "host" "fence" (func $fence))
  (import "host" "dmaBase" (func $dmaBase (result i64)))
  (import "host" "bootArgs" (func $bootArgs (param i32 i32) (result i32)))
  (import "host" "powerOff" (func $powerOff (param i32)))`;

const HELPERS = `
  (func $w (param $offset i32) (param $value i32)
    (call $mmioWrite32 (i32.const 0) (local.get $offset) (local.get $value)))
  (func $r (param $offset i32) (result i32)
    (call $mmioRead32 (i32.const 0) (local.get $offset)))
  (func $is (param $what i32) (if (i32.eqz (local.get $what)) (then (unreachable))))
  (func $isLegacy (result i32) (i32.eq (call $r (i32.const 4)) (i32.const 1)))
  (func $reset
    (call $w (i32.const 0x70) (i32.const 0))
    (loop $again (br_if $again (call $r (i32.const 0x70)))))
  ;; up to the queue, with INDIRECT_DESC
  (func $negotiate
    (call $reset)
    (call $w (i32.const 0x70) (i32.const 3))
    (call $w (i32.const 0x24) (i32.const 0))
    (call $w (i32.const 0x20) (i32.const 0x10000000))
    (if (call $isLegacy) (then (return)))
    (call $w (i32.const 0x24) (i32.const 1))
    (call $w (i32.const 0x20) (i32.const 1))
    (call $w (i32.const 0x70) (i32.const 11)))
  ;; the registers before the last one
  (func $describe (param $size i32)
    (call $w (i32.const 0x30) (i32.const 0))
    (call $w (i32.const 0x38) (local.get $size))
    (if (call $isLegacy)
      (then
        (call $w (i32.const 0x28) (i32.const 4096))
        (call $w (i32.const 0x3c) (i32.const 4096)))
      (else
        (call $w (i32.const 0x80) (i32.const 0x1000))
        (call $w (i32.const 0x84) (i32.const 0))
        (call $w (i32.const 0x90) (i32.const 0x1080))
        (call $w (i32.const 0x94) (i32.const 0))
        (call $w (i32.const 0xa0) (i32.const 0x2000))
        (call $w (i32.const 0xa4) (i32.const 0)))))
  (func $handOver
    (if (call $isLegacy)
      (then (call $w (i32.const 0x40) (i32.const 1)))
      (else (call $w (i32.const 0x44) (i32.const 1)))))
  (func $live
    (call $negotiate)
    (call $describe (i32.const 8))
    (call $handOver)
    (call $w (i32.const 0x70) (i32.or (call $r (i32.const 0x70)) (i32.const 4))))
  (func $entry (param $at i32) (param $addr i64) (param $len i32) (param $flagsNext i32)
    (i64.store (local.get $at) (local.get $addr))
    (i32.store offset=8 (local.get $at) (local.get $len))
    (i32.store offset=12 (local.get $at) (local.get $flagsNext)))
  ;; a read of sector 0, in descriptors 0 to 2
  (func $request
    (i64.store (i32.const 0x3000) (i64.const 0))
    (i64.store (i32.const 0x3008) (i64.const 0))
    (i32.store8 (i32.const 0x4000) (i32.const 0x55))
    (i32.store8 (i32.const 0x5000) (i32.const 0xff))
    (call $entry (i32.const 0x1000) (i64.const 0x3000) (i32.const 16) (i32.const 0x10001))
    (call $entry (i32.const 0x1010) (i64.const 0x4000) (i32.const 512) (i32.const 0x20003))
    (call $entry (i32.const 0x1020) (i64.const 0x5000) (i32.const 1) (i32.const 2)))
  ;; the same in an indirect table, which descriptor 0 stands for
  (func $tableRequest
    (call $request)
    (memory.copy (i32.const 0x6000) (i32.const 0x1000) (i32.const 48))
    (call $entry (i32.const 0x1000) (i64.const 0x6000) (i32.const 48) (i32.const 4)))
  (func $offer
    (i32.store16 (i32.const 0x1082) (i32.add (i32.load16_u (i32.const 0x1082)) (i32.const 1))))
  (func $send
    (call $offer)
    (call $w (i32.const 0x50) (i32.const 0)))
  (func $await
    (loop $again
      (call $fence)
      (br_if $again
        (i32.ne (i32.load16_u (i32.const 0x1082)) (i32.load16_u (i32.const 0x2002))))))
  (func $done
    (call $is (i32.eqz (i32.load8_u (i32.const 0x5000))))
    (call $is (i32.eqz (i32.load8_u (i32.const 0x4000)))))
  (func $data (param $addr i64) (param $len i32)
    (call $live) (call $request)
    (call $entry (i32.const 0x1010) (local.get $addr) (local.get $len) (i32.const 0x20003))
    (call $send))
  (func $tableData (param $addr i64)
    (call $live) (call $tableRequest)
    (call $entry (i32.const 0x6010) (local.get $addr) (i32.const 512) (i32.const 0x20003))
    (call $send))
  (func $table (param $addr i64) (param $len i32) (param $flags i32)
    (call $live) (call $tableRequest)
    (call $entry (i32.const 0x1000) (local.get $addr) (local.get $len) (local.get $flags))
    (call $send))`;

export interface Misdeed {
  /** What is done. */
  readonly body: string;
  /** What the host says of it; without it the module is right. */
  readonly says?: string;
  readonly only?: "legacy" | "modern";
}

const write = (offset: number, value: number): string =>
  `(call $w (i32.const ${offset}) (i32.const ${value}))`;
const data = (address: number | string, length: number): string =>
  `(call $data (i64.const ${address}) (i32.const ${length}))`;
const table = (address: number, length: number, flags: number): string =>
  `(call $table (i64.const ${address}) (i32.const ${length}) (i32.const ${flags}))`;
const described = (last: string): string =>
  `(call $negotiate) (call $describe (i32.const 8)) ${last} (call $handOver)`;
const sized = (size: number): string =>
  `(call $negotiate) (call $describe (i32.const ${size})) (call $handOver)`;
const notAllowed = "feature that the guard does not allow (window 0, offset 0x20)";
const queue = (rule: string): string => `mmioWrite32: ${rule} (window 0, offset 0x4[04])`;
const outside = (address: string, bytes: number): string =>
  "queue: buffer outside linear memory " +
  `(window 0, descriptor 1, address ${address}, ${bytes} bytes)`;
const entryOutside = (address: string): string =>
  "queue: buffer outside linear memory " +
  `(window 0, descriptor 0, entry 1 of its table, address ${address}, 512 bytes)`;
const badTable = (rule: string, address: string, bytes: number): string =>
  `queue: ${rule} (window 0, descriptor 0, address ${address}, ${bytes} bytes)`;

/** Registers that a driver never writes, by version; a misdeed for each of them. */
const UNWRITABLE: Record<"legacy" | "modern" | "both", number[]> = {
  both: [0x000, 0x004, 0x008, 0x00c, 0x010, 0x02c, 0x034, 0x060, 0x0ac, 0x0c0, 0x0fc],
  legacy: [0x044, 0x080, 0x084, 0x090, 0x0a4],
  modern: [0x028, 0x03c, 0x040, 0x088, 0x0a8],
};

function unwritable(): Record<string, Misdeed> {
  const misdeeds: Record<string, Misdeed> = {};
  for (const [version, offsets] of Object.entries(UNWRITABLE)) {
    for (const offset of offsets) {
      const hex = `0x${offset.toString(16)}`;
      const rule = "not a register for a driver to write";
      misdeeds[`unwritable_${version}_${hex}`] = {
        body: write(offset, 1),
        says: `mmioWrite32: ${rule} (window 0, offset ${hex})`,
        ...(version === "both" ? {} : { only: version as "legacy" | "modern" }),
      };
    }
  }
  return misdeeds;
}

export const MISDEEDS: Record<string, Misdeed> = {
  // What is right
  identifies: {
    body: [0, 4, 8, 12]
      .map((at) => `(drop (call $mmioRead32 (i32.const 7) (i32.const ${at})))`)
      .join(" "),
  },
  addressesAreOffsets: { body: `(call $is (i64.eqz (call $dmaBase)))` },
  readsWhatItWrote: {
    body: `(call $live)
      (if (call $isLegacy)
        (then
          (call $is (i32.eq (call $r (i32.const 0x40)) (i32.const 1)))
          (call $reset)
          (call $is (i32.eqz (call $r (i32.const 0x40)))))
        (else
          (call $is (i32.eq (call $r (i32.const 0x80)) (i32.const 0x1000)))
          (call $is (i32.eq (call $r (i32.const 0x44)) (i32.const 1)))
          (call $reset)
          (call $is (i32.eqz (call $r (i32.const 0x44))))))`,
  },
  reads: { body: `(call $live) (call $request) (call $send) (call $await) (call $done)` },
  readsByTable: {
    body: `(call $live) (call $tableRequest) (call $send) (call $await) (call $done)`,
  },
  readsAgain: {
    body: `(call $live)
      (call $request) (call $send) (call $await) (call $done)
      (i32.store16 (i32.const 0x1086) (i32.const 0))
      (call $request) (call $send) (call $await) (call $done)
      (memory.fill (i32.const 0x1000) (i32.const 0) (i32.const 0x2000))
      (call $live) (call $request) (call $send) (call $await) (call $done)`,
  },
  changesLate: {
    body: `(call $live) (call $request) (call $send)
      (call $entry (i32.const 0x1010) (i64.const 0x80000000) (i32.const 512) (i32.const 0x20003))
      (call $await) (call $done)`,
  },
  changesTableLate: {
    body: `(call $live) (call $tableRequest) (call $send)
      (memory.fill (i32.const 0x6000) (i32.const 0xff) (i32.const 48))
      (call $entry (i32.const 0x1000) (i64.const 0x80000000) (i32.const 48) (i32.const 4))
      (call $await) (call $done)`,
  },
  scribblesUsed: {
    body: `(call $live) (call $request) (call $send)
      (memory.fill (i32.const 0x2000) (i32.const 0xff) (i32.const 0x1000))
      (i32.store16 (i32.const 0x2002) (i32.const 0))
      (call $await) (call $done)`,
  },

  // Windows and widths
  foreignRead: {
    body: `(drop (call $mmioRead32 (i32.const 7) (i32.const 0x10)))`,
    says: "mmioRead32: not a disk (window 7, offset 0x10)",
  },
  foreignConfig: {
    body: `(drop (call $mmioRead8 (i32.const 7) (i32.const 0x100)))`,
    says: "mmioRead8: not a disk (window 7, offset 0x100)",
  },
  foreignReset: {
    body: `(call $mmioWrite32 (i32.const 7) (i32.const 0x70) (i32.const 0))`,
    says: "mmioWrite32: not a disk (window 7, offset 0x70)",
  },
  foreignConfigWrite: {
    body: `(call $mmioWrite16 (i32.const 7) (i32.const 0x120) (i32.const 0))`,
    says: "mmioWrite16: not a disk (window 7, offset 0x120)",
  },
  narrowRead8: {
    body: `(drop (call $mmioRead8 (i32.const 0) (i32.const 0xff)))`,
    says: "mmioRead8: a control register takes 32 bits at a time (window 0, offset 0xff)",
  },
  narrowRead16: {
    body: `(drop (call $mmioRead16 (i32.const 0) (i32.const 0x40)))`,
    says: "mmioRead16: a control register takes 32 bits at a time (window 0, offset 0x40)",
  },
  narrowWrite8: {
    body: `(call $mmioWrite8 (i32.const 0) (i32.const 0x70) (i32.const 0))`,
    says: "mmioWrite8: a control register takes 32 bits at a time (window 0, offset 0x70)",
  },
  narrowWrite16: {
    body: `(call $mmioWrite16 (i32.const 0) (i32.const 0x50) (i32.const 0))`,
    says: "mmioWrite16: a control register takes 32 bits at a time (window 0, offset 0x50)",
  },
  lastOfAll: {
    body: `(drop (call $mmioRead32 (i32.const 0) (i32.const 0x1fc)))
      (drop (call $mmioRead8 (i32.const 0) (i32.const 0x1ff)))`,
  },
  behindAll: {
    body: `(drop (call $mmioRead32 (i32.const 0) (i32.const 0x200)))`,
    says: "mmioRead32: behind the registers of a disk (window 0, offset 0x200)",
  },
  behindAllNarrow: {
    body: `(call $mmioWrite8 (i32.const 0) (i32.const 0xfff) (i32.const 0))`,
    says: "mmioWrite8: behind the registers of a disk (window 0, offset 0xfff)",
  },
  ...unwritable(),

  // Features
  packedRings: {
    body: `(call $reset) ${write(0x70, 3)} ${write(0x24, 1)} ${write(0x20, 5)}`,
    says: `mmioWrite32: ${notAllowed}`,
  },
  inOrder: {
    body: `(call $reset) ${write(0x70, 3)} ${write(0x24, 1)} ${write(0x20, 9)}`,
    says: `mmioWrite32: ${notAllowed}`,
  },
  thirdHalf: {
    body: `(call $reset) ${write(0x70, 3)} ${write(0x24, 2)} ${write(0x20, 1)}`,
    says: `mmioWrite32: ${notAllowed}`,
  },
  notOffered: {
    body: `(call $reset) ${write(0x70, 3)} ${write(0x24, 0)} ${write(0x20, 1 << 12)}`,
    says: "mmioWrite32: feature that the device does not offer (window 0, offset 0x20)",
  },
  featuresLate: {
    body: `(call $live) ${write(0x20, 0)}`,
    says: "mmioWrite32: features after the queue (window 0, offset 0x20)",
  },

  // Setting up the queue
  secondQueue: {
    body: `(call $negotiate) ${write(0x30, 1)} ${write(0x38, 8)}`,
    says: "mmioWrite32: only queue 0 may be set up (window 0, offset 0x38)",
  },
  sizeNever: { body: sized(0), says: queue("queue size is not a power of two up to 256") },
  sizeOdd: { body: sized(7), says: queue("queue size is not a power of two up to 256") },
  sizeLarge: { body: sized(512), says: queue("queue size is not a power of two up to 256") },
  sizeHuge: { body: sized(2048), says: queue("queue is larger than the device allows") },
  kernelTable: {
    body: described(write(0x80, 0x80000000)),
    says: queue("queue outside linear memory"),
    only: "modern",
  },
  highUsed: {
    body: described(write(0xa4, 1)),
    says: queue("queue outside linear memory"),
    only: "modern",
  },
  availPastEnd: {
    body: described(write(0x90, 0x1ffee)),
    says: queue("queue outside linear memory"),
    only: "modern",
  },
  availAtEnd: { body: described(write(0x90, 0x1ffea)), only: "modern" },
  tableUnaligned: {
    body: described(write(0x80, 0x1008)),
    says: queue("queue is not aligned"),
    only: "modern",
  },
  pagePastEnd: {
    body: `(call $negotiate) (call $describe (i32.const 8)) ${write(0x40, 31)}`,
    says: queue("queue outside linear memory"),
    only: "legacy",
  },
  pageAtEnd: {
    body: `(call $negotiate) (call $describe (i32.const 8)) ${write(0x40, 30)}`,
    only: "legacy",
  },
  kernelPage: {
    body: `(call $negotiate) (call $describe (i32.const 8)) ${write(0x40, 0x80000)}`,
    says: queue("queue outside linear memory"),
    only: "legacy",
  },
  pageSizeNever: {
    body: described(write(0x28, 0)),
    says: queue("page size or alignment of the queue is not a power of two"),
    only: "legacy",
  },
  alignOdd: {
    body: described(write(0x3c, 12)),
    says: queue("page size or alignment of the queue is not a power of two"),
    only: "legacy",
  },
  stopsPage: {
    body: `(call $negotiate) ${write(0x40, 0)}`,
    says: queue("a queue is stopped by a reset only"),
    only: "legacy",
  },
  stopsReady: {
    body: `(call $negotiate) ${write(0x44, 0)}`,
    says: queue("a queue is stopped by a reset only"),
    only: "modern",
  },
  setsUpTwice: {
    body: `(call $live) (call $handOver)`,
    says: queue("queue is in use until the device is reset"),
  },
  setsUpInReset: {
    body: `(call $live) ${write(0x70, 0)} (call $handOver)`,
    says: queue("queue before the reset has been seen to end"),
  },
  setsUpInHiddenReset: {
    body: `(call $live) ${write(0x70, 0x100)} (call $handOver)`,
    says: queue("queue before the reset has been seen to end"),
  },

  // Descriptors
  dataPastEnd: { body: data(0x1fe01, 512), says: outside("0x1fe01", 512) },
  dataAtEnd: { body: `${data(0x1fe00, 512)} (call $await)` },
  dataInKernel: { body: data(0x80000000, 512), says: outside("0x80000000", 512) },
  dataBelow: { body: data(-512, 512), says: outside("0xfffffffffffffe00", 512) },
  dataWraps: { body: data(-256, 512), says: outside("0xffffffffffffff00", 512) },
  dataTooLong: { body: data(0x4000, -512), says: outside("0x4000", 4294966784) },
  tableDataInKernel: {
    body: `(call $tableData (i64.const 0x80000000))`,
    says: entryOutside("0x80000000"),
  },
  atFence: {
    body: `(call $live) (call $request)
      (call $entry (i32.const 0x1010) (i64.const 0x80000000) (i32.const 512) (i32.const 0x20003))
      (call $offer) (call $fence)`,
    says: outside("0x80000000", 512),
  },
  tableInKernel: {
    body: table(0x80000000, 48, 4),
    says: badTable("indirect table outside linear memory", "0x80000000", 48),
  },
  tablePastEnd: {
    body: table(0x1ffe0, 48, 4),
    says: badTable("indirect table outside linear memory", "0x1ffe0", 48),
  },
  tableOdd: {
    body: table(0x6000, 40, 4),
    says: badTable("indirect table is not a number of descriptors", "0x6000", 40),
  },
  tableEmpty: {
    body: table(0x6000, 0, 4),
    says: badTable("indirect table is not a number of descriptors", "0x6000", 0),
  },
  tableAndNext: {
    body: table(0x6000, 48, 5),
    says: badTable("indirect table with a next descriptor", "0x6000", 48),
  },
  flagUnknown: {
    body: table(0x6000, 48, 8),
    says: badTable("unknown descriptor flag", "0x6000", 48),
  },
  circle: {
    body: `(call $live) (call $request)
      (i32.store16 (i32.const 0x101e) (i32.const 0)) (call $send)`,
    says: "queue: chain runs in a circle (window 0, descriptor 0, address 0x3000, 16 bytes)",
  },
  nextOutside: {
    body: `(call $live) (call $request)
      (i32.store16 (i32.const 0x101e) (i32.const 8)) (call $send)`,
    says: "queue: next outside the queue (window 0, descriptor 1, address 0x4000, 512 bytes)",
  },
  headOutside: {
    body: `(call $live) (call $request)
      (i32.store16 (i32.const 0x1084) (i32.const 8)) (call $send)`,
    says: "queue: head outside the queue (window 0, index 8)",
  },
  indexJumps: {
    body: `(call $live) (call $request)
      (i32.store16 (i32.const 0x1082) (i32.const 9)) (call $fence)`,
    says: "queue: available index jumps over more than the queue (window 0, index 9)",
  },
  sentTwice: {
    body: `(call $live) (call $request) (call $offer) (call $offer) (call $fence)`,
    says:
      "queue: descriptor is still with the device " +
      "(window 0, descriptor 0, address 0x3000, 16 bytes)",
  },
};

const FIRST_ARGUMENT = 0x100;

/** Boot arguments that pick a misdeed: two bytes of UTF-8. */
export function misdeedArgument(name: string): string {
  return String.fromCharCode(FIRST_ARGUMENT + Object.keys(MISDEEDS).indexOf(name));
}

export async function guardModule(): Promise<Uint8Array> {
  const names = Object.keys(MISDEEDS);
  const functions = names.map((name) => `(func $${name} ${MISDEEDS[name]?.body})`);
  const choices = names.map((name) => {
    const bytes = Buffer.from(misdeedArgument(name));
    return `(if (i32.eq (local.get 0) (i32.const ${bytes.readUInt16LE()})) (then (call $${name})))`;
  });
  const wabt = await wabtModule();
  const text = `(module ${IMPORTS} (memory (export "memory") 2 2)
    (func (export "abiVersion") (result i32) (i32.const 1))
    (func (export "step") (result i32) (i32.const 0))
    (func (export "receive") (param i32))
    ${HELPERS} ${functions.join("\n")}
    (func (export "start") (result i32) (local i32)
      (drop (call $bootArgs (i32.const 0) (i32.const 64)))
      (local.set 0 (i32.load16_u (i32.const 0)))
      ${choices.join("\n")} (call $powerOff (i32.const 23)) (i32.const 0)))`;
  return wabt.parseWat("guard.wat", text).toBinary({ write_debug_names: true }).buffer;
}
