/**
 * How far a copy has come, in the form of GNU dd:
 *
 *   2+1 records in
 *   2+1 records out
 *   1124 bytes (1.1 kB, 1.1 KiB) copied, 0.00123 s, 914 kB/s
 *
 * and a line that is overwritten while a copy lasts longer than a second. In integers only.
 */
import { Copier } from "../io/copier";
import { out } from "./console";

const NS_PER_SECOND: u64 = 1_000_000_000;
const PROGRESS_NS: u64 = NS_PER_SECOND;
const PROGRESS_COLUMNS: i32 = 78;
/** Digits of a time that count, and its decimals at most. */
const TIME_DIGITS: i32 = 6;
const TIME_DECIMALS: i32 = 9;

const CHAR_CR: u32 = 0x0d;

const SI_UNITS: StaticArray<string> = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const IEC_UNITS: StaticArray<string> = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

let nextNs: u64 = 0;
let isShown: bool = false;

/** A copy begins. */
export function beginProgress(copier: Copier): void {
  nextNs = copier.startNs + PROGRESS_NS;
  isShown = false;
}

/** Shows the line when it is time to. */
export function showProgress(copier: Copier): void {
  if (copier.nowNs < nextNs) return;
  nextNs = copier.nowNs + PROGRESS_NS;
  const ns = copier.elapsedNs();
  const done = copier.doneBytes;
  clearProgress();
  isShown = true;
  out.decimal(done).text(" bytes (");
  printHuman(done, 1000, SI_UNITS);
  out
    .text(") copied, ")
    .decimal(ns / NS_PER_SECOND)
    .text(" s, ");
  printHuman(perSecond(done, ns), 1000, SI_UNITS);
  out.text("/s");
  const total = copier.totalBytes();
  if (total > 0 && done > 0) {
    const perMille = done / max<u64>(total / 1000, 1);
    out
      .text(", ")
      .decimal(min<u64>(perMille / 10, 100))
      .text(" %, ");
    const rate = max<u64>(perSecond(done, ns), 1);
    out.decimal((total - done + rate - 1) / rate).text(" s left");
  }
  out.flush();
}

/** Takes the line away, if it is shown. */
export function clearProgress(): void {
  if (isShown) out.char(CHAR_CR).pad(0, PROGRESS_COLUMNS).char(CHAR_CR);
  isShown = false;
}

/** The two lines about records. */
export function printRecords(copier: Copier): void {
  const size = copier.recordBytes;
  const padded = copier.fillsErrors ? copier.failedCount : 0;
  printCount(copier.inBytes / size, (copier.inBytes % size != 0 ? 1 : 0) + padded, "in");
  printCount(copier.outBytes / size, copier.outBytes % size != 0 ? 1 : 0, "out");
}

function printCount(whole: u64, partial: u64, direction: string): void {
  out.decimal(whole).text("+").decimal(partial).text(" records ").text(direction).line();
}

/** What was `done` to so many bytes, the time and the rate, without the end of the line. */
export function printTransfer(bytes: u64, ns: u64, done: string): void {
  out.decimal(bytes).text(bytes == 1 ? " byte" : " bytes");
  if (bytes >= 1000) {
    out.text(" (");
    printHuman(bytes, 1000, SI_UNITS);
    if (bytes >= 1024) {
      out.text(", ");
      printHuman(bytes, 1024, IEC_UNITS);
    }
    out.text(")");
  }
  out.text(" ").text(done).text(", ");
  printSeconds(ns);
  out.text(" s, ");
  printHuman(perSecond(bytes, ns), 1000, SI_UNITS);
  out.text("/s");
}

/** `bytes` in `ns`, as bytes a second, without overflow. */
function perSecond(bytes: u64, ns: u64): u64 {
  if (bytes < u64.MAX_VALUE / NS_PER_SECOND) return (bytes * NS_PER_SECOND) / ns;
  return (bytes / max<u64>(ns / 1_000_000, 1)) * 1000;
}

/** Two digits below 10, whole numbers above, with the unit: `8.2 kB`, `82 kB`. */
function printHuman(value: u64, base: u64, units: StaticArray<string>): void {
  let unit: u64 = 1;
  let index = 0;
  while (value / unit >= base) {
    unit *= base;
    index += 1;
  }
  let whole = value / unit;
  const rest = value % unit;
  const tenths = whole * 10 + (rest * 10 + unit / 2) / unit;
  if (index > 0 && tenths < 100) {
    out
      .decimal(tenths / 10)
      .text(".")
      .decimal(tenths % 10);
  } else {
    if (rest >= unit - rest) whole += 1;
    if (whole == base) {
      out.text("1.0");
      index += 1;
    } else out.decimal(whole);
  }
  out.text(" ").text(units[index]);
}

/** Seconds with six digits that count, zeros at the end left out, as %g prints them. */
export function printSeconds(ns: u64): void {
  let decimals = TIME_DIGITS;
  for (let rest = ns / NS_PER_SECOND; rest > 0 && decimals > 0; rest /= 10) decimals -= 1;
  for (let first = ns * 10; first < NS_PER_SECOND && decimals < TIME_DECIMALS; first *= 10) {
    decimals += 1;
  }
  let value = (ns + power10(TIME_DECIMALS - decimals) / 2) / power10(TIME_DECIMALS - decimals);
  while (decimals > 0 && value % 10 == 0) {
    value /= 10;
    decimals -= 1;
  }
  const unit = power10(decimals);
  out.decimal(value / unit);
  if (decimals > 0) out.text(".");
  for (let digit = unit / 10; digit > 0; digit /= 10) out.decimal((value / digit) % 10);
}

function power10(exponent: i32): u64 {
  let power: u64 = 1;
  for (let i = 0; i < exponent; ++i) power *= 10;
  return power;
}
