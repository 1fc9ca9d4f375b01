/** The console of a machine: what the module printed, as bytes and as text. */

export class Console {
  private bytes: number[] = [];
  private markBytes = 0;

  /** Takes bytes as they come; a character may be split over two calls. */
  write(bytes: Uint8Array): void {
    for (const byte of bytes) this.bytes.push(byte);
  }

  /** Everything printed so far. Bytes that are not UTF-8 appear as U+FFFD. */
  get text(): string {
    return decode(this.bytes);
  }

  /** What was printed since the last `mark`. */
  get fresh(): string {
    return decode(this.bytes.slice(this.markBytes));
  }

  get raw(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }

  mark(): void {
    this.markBytes = this.bytes.length;
  }
}

function decode(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
