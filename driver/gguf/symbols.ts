/**
 * A piece of text on its way to tokens: symbols that stand one behind another and are joined in
 * pairs, the pair with the lowest key first, of equal ones the leftmost.
 *
 * Each symbol keeps the key of the pair it forms with the next one, so a join looks up two pairs
 * and no more.
 */

/** The key of what is not to be joined. */
export const NO_KEY: i64 = i64.MAX_VALUE;

@unmanaged
export class Symbol {
  /** The text, in the text that is made into tokens. */
  textPtr: usize;
  lengthBytes: u32;
  /** The token with this text, or -1. */
  token: i32;
  /** Key of the pair with the next symbol, NO_KEY for the last. */
  key: i64;
}

export const SYMBOL_BYTES: usize = offsetof<Symbol>();

export class Symbols {
  private ptr: usize;
  count: i32;

  /** Begins with none; `ptr` has memory for all that will be added. */
  begin(ptr: usize): void {
    this.ptr = ptr;
    this.count = 0;
  }

  at(index: i32): Symbol {
    return changetype<Symbol>(this.ptr + <usize>index * SYMBOL_BYTES);
  }

  add(textPtr: usize, lengthBytes: u32, token: i32): void {
    const symbol = this.at(this.count++);
    symbol.textPtr = textPtr;
    symbol.lengthBytes = lengthBytes;
    symbol.token = token;
    symbol.key = NO_KEY;
  }

  clear(): void {
    this.count = 0;
  }

  /** The first symbol of the pair to be joined next, or -1 when none is. */
  first(): i32 {
    let best = -1;
    let bestKey = NO_KEY;
    for (let i = 0; i < this.count; ++i) {
      const key = this.at(i).key;
      if (key >= bestKey) continue;
      best = i;
      bestKey = key;
    }
    return best;
  }

  /** Joins symbol `index` with the next one, which goes; the text is now that of `token`. */
  join(index: i32, token: i32): void {
    const symbol = this.at(index);
    symbol.lengthBytes += this.at(index + 1).lengthBytes;
    symbol.token = token;
    const nextPtr = changetype<usize>(this.at(index + 1));
    const behind = <usize>(this.count - index - 2) * SYMBOL_BYTES;
    memory.copy(nextPtr, nextPtr + SYMBOL_BYTES, behind);
    this.count -= 1;
  }
}
