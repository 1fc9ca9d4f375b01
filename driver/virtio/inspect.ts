/**
 * What a device's registers say and what they were told, as a plain record: facts for a diagnosis,
 * no judgement.
 */

export class TransportState {
  isLegacy: bool;
  /** MagicValue is right; what the other two identification registers read. */
  isVirtio: bool;
  version: u32;
  deviceId: u32;
  /**
   * A reset has been asked for, and nothing has been set up since: apart from the status, the
   * registers must not be read then, and the fields below `status` are 0.
   */
  isResetting: bool;
  status: u32;
  interruptStatus: u32;
  /** Status as it was written last. */
  statusWritten: u32;
  /** Resets so far, and how often a queue was handed over since the last one. */
  resetCount: u32;
  setUpCount: u32;

  // What the device was told since the last reset, 0 for nothing
  queueSize: u32;
  /** QueuePFN on a legacy device, QueueReady on a modern one, and what it reads now. */
  placeWritten: u32;
  placeRead: u32;
  /** GuestPageSize and QueueAlign, legacy only; `isPageSizeLate`: written after QueuePFN. */
  pageBytes: u32;
  alignBytes: u32;
  isPageSizeLate: bool;
  hasNotified: bool;
  notifiedQueue: u32;

  /** Where the device has the three parts of the queue by its own rule; all 0 when not known. */
  tablePhys: u64;
  availPhys: u64;
  usedPhys: u64;

  setRule(tablePhys: u64, availPhys: u64, usedPhys: u64): void {
    this.tablePhys = tablePhys;
    this.availPhys = availPhys;
    this.usedPhys = usedPhys;
  }
}
