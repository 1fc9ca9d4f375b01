/** What loadmodel says while it reads tensors, and when it has read them. */
import * as host from "../host";
import { out } from "./console";

const PROGRESS_NS: u64 = 1_000_000_000;
const PROGRESS_COLUMNS: i32 = 60;

export class ReadReport {
  private totalBytes: u64;
  private startNs: u64;
  /** When progress is shown next. */
  private nextNs: u64;
  private isShown: bool;

  begin(totalBytes: u64): void {
    this.totalBytes = totalBytes;
    this.startNs = host.clockNs();
    this.nextNs = this.startNs + PROGRESS_NS;
  }

  /** Shows progress once a second: `  reading 64 of 128 MiB, 50 %` */
  show(doneBytes: u64): void {
    const nowNs = host.clockNs();
    if (nowNs < this.nextNs) return;
    this.nextNs = nowNs + PROGRESS_NS;
    this.isShown = true;
    out
      .char(0x0d)
      .text("  reading ")
      .decimal(doneBytes >> 20)
      .text(" of ");
    out.decimal(this.totalBytes >> 20).text(" MiB, ");
    out.decimal(percent(doneBytes, this.totalBytes)).text(" %   ").flush();
  }

  /** Takes the line of progress away. */
  clear(): void {
    if (this.isShown) out.char(0x0d).pad(0, PROGRESS_COLUMNS).char(0x0d);
    this.isShown = false;
  }

  /** `  read 4096 bytes of tensors in 0.012 s, 341 MB/s, crc32c 0a1b2c3d` */
  end(doneBytes: u64, crc: u32): void {
    const ns = host.clockNs() - this.startNs;
    this.clear();
    out.text("  read ").decimal(doneBytes).text(" bytes of tensors in ");
    printSeconds(ns);
    out.text(" s, ").decimal(megabytesPerSecond(doneBytes, ns)).text(" MB/s, crc32c ");
    out.hex32(crc).line();
  }
}

function percent(part: u64, whole: u64): u64 {
  return part / (whole / 100 + 1);
}

function megabytesPerSecond(bytes: u64, ns: u64): u64 {
  const us = ns / 1000;
  return us == 0 ? 0 : bytes / us;
}

/** Seconds with three decimals. */
function printSeconds(ns: u64): void {
  const ms = ns / 1_000_000;
  out.decimal(ms / 1000).text(".");
  const rest = <u32>(ms % 1000);
  out.char(0x30 + rest / 100).char(0x30 + ((rest / 10) % 10));
  out.char(0x30 + (rest % 10));
}
