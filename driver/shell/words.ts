/** Parts of a word, such as what is behind the `=` of an operand. */
import { Console } from "./console";

export class Word {
  ptr: usize;
  lengthBytes: usize;

  set(ptr: usize, lengthBytes: usize): void {
    this.ptr = ptr;
    this.lengthBytes = lengthBytes;
  }

  is(text: string): bool {
    return this.lengthBytes == <usize>text.length && this.startsWith(text);
  }

  startsWith(text: string): bool {
    if (this.lengthBytes < <usize>text.length) return false;
    for (let i = 0; i < text.length; ++i) {
      if (load<u8>(this.ptr + i) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Drops the first `count` bytes. */
  skip(count: usize): void {
    this.ptr += count;
    this.lengthBytes -= count;
  }

  /** Where the first `char` is, or the length when there is none. */
  find(char: u8): usize {
    let at: usize = 0;
    while (at < this.lengthBytes && load<u8>(this.ptr + at) != char) ++at;
    return at;
  }

  /** 'text' */
  quote(out: Console): Console {
    return out.text("'").bytes(this.ptr, this.lengthBytes).text("'");
  }
}
