/**
 * The host: everything the module can ask of the machine below it, and the only imported functions.
 *
 * Any host that supplies these imports under the module name `host` runs the same code: the shim
 * on RISC-V, the device model under Node. All arguments are scalars; text is UTF-8, passed as
 * pointer and length. A call that breaks a rule stated here traps, and the trap ends the module.
 *
 * A call of any of these is also a compiler barrier: Binaryen moves no memory access across an
 * imported call.
 */

/**
 * Number of virtio,mmio windows granted to the driver. The order is stable, the first disk's window
 * comes first.
 */
export declare function windowCount(): u32;

/** Length in bytes of window `window`. */
export declare function windowLength(window: u32): u32;

/** One aligned 8-bit read at `offset` bytes into `window`. */
export declare function mmioRead8(window: u32, offset: u32): u32;

/** One aligned 16-bit read at `offset` bytes into `window`. */
export declare function mmioRead16(window: u32, offset: u32): u32;

/** One aligned 32-bit read at `offset` bytes into `window`. */
export declare function mmioRead32(window: u32, offset: u32): u32;

/** One aligned 8-bit write of the low byte of `value`. */
export declare function mmioWrite8(window: u32, offset: u32, value: u32): void;

/** One aligned 16-bit write of the low half of `value`. */
export declare function mmioWrite16(window: u32, offset: u32, value: u32): void;

/** One aligned 32-bit write of `value`. */
export declare function mmioWrite32(window: u32, offset: u32, value: u32): void;

/**
 * Full barrier for CPU, device and compiler: all accesses before it are visible before any after
 * it. A host may keep the rings that the device sees apart from those in linear memory; what either
 * side has written into its own crosses over here, and at a notification what the driver has.
 */
export declare function fence(): void;

/** Monotonic time in nanoseconds since an arbitrary origin. */
export declare function clockNs(): u64;

/**
 * Device address of linear memory offset 0: aligned to 4096, the same for the life of the module.
 * It is 0 on a host that turns the addresses in descriptors into the device's itself.
 */
export declare function dmaBase(): u64;

/**
 * CRC32C of `lengthBytes` bytes at `ptr`, behind what has the CRC32C `seed`; 0 for the first bytes.
 * A host may lend it because it is faster; one that does not answers 0.
 */
export declare function crc32c(seed: u32, ptr: usize, lengthBytes: usize): u32;

/**
 * Writes `lengthBytes` bytes of UTF-8 to the console. Returns when the host has taken all of them.
 */
export declare function consoleWrite(textPtr: usize, lengthBytes: usize): void;

/**
 * Copies the boot arguments, at most `capacityBytes` of them, to `bufferPtr`.
 * Returns their full length in bytes, 0 when there are none.
 */
export declare function bootArgs(bufferPtr: usize, capacityBytes: usize): u32;

/** Ends the machine with exit status `code` (0 to 255). Does not return. */
export declare function powerOff(code: u32): void;

/** Restarts the machine. Does not return. */
export declare function reboot(): void;

/**
 * The `lengthBytes` (up to 65536) bytes at `ptr` are to outlive this instance of the module: what
 * is there when it ends, whatever ends it, is what the next one reads. A host that makes no next
 * one does nothing.
 */
export declare function handoverKeep(ptr: usize, lengthBytes: usize): void;

/**
 * Copies what the last instance left, at most `capacityBytes` of it, to `bufferPtr`. Returns its
 * full length in bytes, 0 when this is the first instance or the last one had nothing kept.
 */
export declare function handoverRead(bufferPtr: usize, capacityBytes: usize): u32;

/** A bug in the module, at `line` of the file that the message ends with. Does not return. */
export declare function panic(messagePtr: usize, lengthBytes: usize, line: u32): void;
