/**
 * Makes tokens of a text with a vocabulary in memory.
 *
 * `llama` (SentencePiece): spaces become U+2581, one more stands before the text unless the
 * metadata say otherwise; of all neighbours whose joined text is a token, those with the highest
 * score are joined first; a character that is no token becomes the tokens <0xNN> of its bytes.
 * `gpt2`: the text is split into pieces (split.ts), their bytes become letters (byte_letters.ts),
 * and neighbours are joined in the order of the merges.
 *
 * Not done: normalisation, and special tokens written out in the text, which are text like any
 * other.
 */
import { place } from "../util/arena";
import { E_OK, PENDING } from "../util/errors";
import { hexDigit } from "../util/numbers";
import { writeLetter } from "./byte_letters";
import { Cause, Fault } from "./fault";
import { Key, Metadata } from "./metadata";
import { Parser } from "./parser";
import { Region } from "./region";
import { characterBytes, endOfPiece } from "./split";
import { NO_KEY, SYMBOL_BYTES, Symbol, Symbols } from "./symbols";
import { VocabularyLoader } from "./vocabulary_loader";

/** Symbols that are looked at in one slice. */
const VISITS_A_SLICE: i32 = 32768;

/** What it costs to look a pair up, in symbols looked at. */
const LOOKUP_VISITS: i32 = 16;

const CHAR_SPACE: u32 = 0x20;

/** U+2581 in UTF-8: what a space is in a SentencePiece vocabulary. */
const SPACE_MARK: u32 = 0x8196e2;
const SPACE_MARK_BYTES: u32 = 3;

/** `<0xNN>` */
const BYTE_TOKEN_BYTES: u32 = 6;

/** The tokens of a SentencePiece vocabulary whose metadata name none. */
const DEFAULT_UNKNOWN: u64 = 0;
const DEFAULT_BOS: u64 = 1;
const DEFAULT_EOS: u64 = 2;

/** No token. */
const NONE: u64 = u64.MAX_VALUE;

export class Tokenizer {
  private loader!: VocabularyLoader;
  private metadata!: Metadata;
  private fault!: Fault;
  private symbols!: Symbols;
  /** The text that is left, and what has been made of it for the vocabulary. */
  private textPtr: usize;
  private textEnd: usize;
  private preparedPtr: usize;
  private byteTokenPtr: usize;
  private isJoining: bool;
  private tokensPtr: usize;
  /** Tokens made so far. */
  count: i32;

  init(parser: Parser, loader: VocabularyLoader): void {
    this.loader = loader;
    this.metadata = parser.metadata;
    this.fault = parser.fault;
    this.symbols = place<Symbols>();
  }

  /**
   * Takes memory from `region` for a text of `lengthBytes` at `textPtr`, valid UTF-8, which stays
   * where it is until the end. The vocabulary is loaded after this and before `begin`.
   */
  takeText(textPtr: usize, lengthBytes: usize, region: Region): void {
    // Behind a space that is put before it, every byte may become three, and each of them a token
    const preparedBytes = <usize>SPACE_MARK_BYTES * (lengthBytes + 1);
    this.textPtr = textPtr;
    this.textEnd = textPtr + lengthBytes;
    this.preparedPtr = region.take(preparedBytes);
    this.byteTokenPtr = region.take(BYTE_TOKEN_BYTES);
    this.symbols.begin(region.take((lengthBytes + 1) * SYMBOL_BYTES));
    this.tokensPtr = region.take((preparedBytes + 2) * sizeof<i32>());
    this.count = 0;
  }

  /** Begins with the token for the start of a text, if there is one. Returns E_OK or E_CORRUPT. */
  begin(): i32 {
    this.isJoining = false;
    return this.addSpecial(Key.ADD_BOS, Key.BOS, this.loader.hasScores, DEFAULT_BOS);
  }

  /** Token number `index`. */
  token(index: i32): u32 {
    return load<u32>(this.tokensPtr + ((<usize>index) << 2));
  }

  /** Goes on. PENDING, then E_OK or E_CORRUPT. */
  advance(): i32 {
    for (let visits = 0; visits < VISITS_A_SLICE; visits += this.symbols.count + LOOKUP_VISITS) {
      if (this.isJoining) {
        const error = this.joinNext();
        if (error != E_OK) return error;
        continue;
      }
      if (this.textPtr == this.textEnd) {
        return this.addSpecial(Key.ADD_EOS, Key.EOS, false, DEFAULT_EOS);
      }
      if (this.loader.hasScores) this.prepareAll();
      else this.preparePiece();
      this.isJoining = true;
      visits += LOOKUP_VISITS * this.symbols.count;
    }
    return PENDING;
  }

  /** Adds the token of `key` if `isAddedKey` says so, or `isAdded` when the file does not. */
  private addSpecial(isAddedKey: i32, key: i32, isAdded: bool, tokenOfLlama: u64): i32 {
    const metadata = this.metadata;
    if (metadata.number(isAddedKey, isAdded ? 1 : 0) == 0) return E_OK;
    const token = metadata.number(key, this.loader.hasScores ? tokenOfLlama : NONE);
    return token == NONE ? E_OK : this.push(token, metadata.at(key).place);
  }

  private push(token: u64, filePlace: u64): i32 {
    const known = this.loader.vocabulary.count;
    if (token >= known) return this.fault.set(Cause.TOKEN_ID, filePlace, token, known);
    store<u32>(this.tokensPtr + ((<usize>this.count) << 2), <u32>token);
    this.count += 1;
    return E_OK;
  }

  /** Makes symbols of the whole text, one a character. */
  private prepareAll(): void {
    const symbols = this.symbols;
    let ptr = this.preparedPtr;
    symbols.clear();
    if (this.metadata.number(Key.ADD_SPACE_PREFIX, 1) != 0) ptr = this.addSpaceMark(ptr);
    while (this.textPtr < this.textEnd) {
      const lead: u32 = load<u8>(this.textPtr);
      const bytes = characterBytes(lead);
      if (lead == CHAR_SPACE) ptr = this.addSpaceMark(ptr);
      else {
        memory.copy(ptr, this.textPtr, bytes);
        ptr = this.addSymbol(ptr, bytes);
      }
      this.textPtr += bytes;
    }
    this.findKeys();
  }

  private addSpaceMark(ptr: usize): usize {
    for (let i: u32 = 0; i < SPACE_MARK_BYTES; ++i) {
      store<u8>(ptr + i, <u8>(SPACE_MARK >> (8 * i)));
    }
    return this.addSymbol(ptr, SPACE_MARK_BYTES);
  }

  /** Makes symbols of the next piece of the text, one a byte. */
  private preparePiece(): void {
    const endPtr = endOfPiece(this.textPtr, this.textEnd);
    let ptr = this.preparedPtr;
    this.symbols.clear();
    for (; this.textPtr < endPtr; this.textPtr += 1) {
      ptr = this.addSymbol(ptr, writeLetter(load<u8>(this.textPtr), ptr));
    }
    this.findKeys();
  }

  private addSymbol(ptr: usize, bytes: u32): usize {
    this.symbols.add(ptr, bytes, this.loader.vocabulary.find(ptr, bytes));
    return ptr + bytes;
  }

  private findKeys(): void {
    for (let i = 0; i < this.symbols.count; ++i) this.findKey(i);
  }

  /** Finds the key of the pair that symbol `index` forms with the next one. */
  private findKey(index: i32): void {
    const symbols = this.symbols;
    const symbol = symbols.at(index);
    if (index + 1 == symbols.count) symbol.key = NO_KEY;
    else symbol.key = this.keyOf(symbol, symbols.at(index + 1));
  }

  private keyOf(left: Symbol, right: Symbol): i64 {
    const loader = this.loader;
    if (!loader.hasScores) return loader.merges.rank(left.token, right.token);
    const token = loader.vocabulary.find(left.textPtr, left.lengthBytes + right.lengthBytes);
    return token < 0 ? NO_KEY : -(<i64>loader.vocabulary.score(token));
  }

  /** Joins one pair, or takes the symbols as tokens when none is left. */
  private joinNext(): i32 {
    const symbols = this.symbols;
    const index = symbols.first();
    if (index < 0) return this.endPiece();
    const symbol = symbols.at(index);
    const bytes = symbol.lengthBytes + symbols.at(index + 1).lengthBytes;
    symbols.join(index, this.loader.vocabulary.find(symbol.textPtr, bytes));
    this.findKey(index);
    if (index > 0) this.findKey(index - 1);
    return E_OK;
  }

  private endPiece(): i32 {
    this.isJoining = false;
    for (let i = 0; i < this.symbols.count; ++i) {
      const symbol = this.symbols.at(i);
      const error = symbol.token < 0 ? this.pushParts(symbol) : this.push(symbol.token, 0);
      if (error != E_OK) return error;
    }
    this.symbols.clear();
    return E_OK;
  }

  /** Takes a symbol that is no token: by its bytes, or by the letters that stand for them. */
  private pushParts(symbol: Symbol): i32 {
    const vocabulary = this.loader.vocabulary;
    const endPtr = symbol.textPtr + symbol.lengthBytes;
    let ptr = symbol.textPtr;
    while (ptr < endPtr) {
      const byte: u32 = load<u8>(ptr);
      const bytes = this.loader.hasScores ? 1 : characterBytes(byte);
      const token = this.loader.hasScores
        ? vocabulary.find(this.byteToken(byte), BYTE_TOKEN_BYTES)
        : vocabulary.find(ptr, bytes);
      const error = token < 0 ? this.pushUnknown(byte) : this.push(token, 0);
      if (error != E_OK) return error;
      ptr += bytes;
    }
    return E_OK;
  }

  private pushUnknown(byte: u32): i32 {
    const tokens = this.metadata.at(Key.TOKENS);
    const token = this.metadata.number(Key.UNKNOWN, this.loader.hasScores ? DEFAULT_UNKNOWN : NONE);
    if (token == NONE) return this.fault.set(Cause.NO_TOKEN, tokens.place, byte);
    return this.push(token, this.metadata.at(Key.UNKNOWN).place);
  }

  /** The text of the token for `byte`. */
  private byteToken(byte: u32): usize {
    const ptr = this.byteTokenPtr;
    store<u32>(ptr, 0x0078303c); // <0x
    store<u8>(ptr, <u8>upperHexDigit(byte >> 4), 3);
    store<u8>(ptr, <u8>upperHexDigit(byte & 15), 4);
    store<u8>(ptr, 0x3e, 5); // >
    return ptr;
  }
}

function upperHexDigit(value: u32): u32 {
  const digit = hexDigit(value);
  return digit >= 0x61 ? digit - 0x20 : digit;
}
