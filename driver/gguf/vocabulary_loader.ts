/**
 * Reads the vocabulary of a file into memory: the tokens, then their scores (tokenizer `llama`) or
 * the merges (tokenizer `gpt2`). Their places have been found with the metadata; what the disk says
 * now is checked again.
 *
 * Whether it fits is computed from the counts before anything is read, but for the length of the
 * texts, which shows on the way.
 */
import { place } from "../util/arena";
import { E_OK, E_RANGE, PENDING } from "../util/errors";
import { Cause, Fault } from "./fault";
import { STRING_HEAD_BYTES } from "./layout";
import { MERGE_COUNT_MAX, Merges } from "./merges";
import { Key, Metadata, keyName } from "./metadata";
import { Parser } from "./parser";
import { Region } from "./region";
import { Stream } from "./stream";
import { TOKEN_BITS, TOKEN_BYTES_MAX, Vocabulary } from "./vocabulary";

const TOKEN_COUNT_MAX: u64 = (1 << TOKEN_BITS) - 2;

/** Tokens, scores or merges that are read in one slice. */
const ITEMS_A_SLICE: i32 = 512;

/** A score is a 32-bit floating point number. */
const SCORE_BYTES: u32 = 4;

enum State {
  TOKENS,
  SCORES,
  MERGES,
  DONE,
}

export class VocabularyLoader {
  vocabulary!: Vocabulary;
  merges!: Merges;
  /** Whether tokens are joined by score (tokenizer `llama`) or by the rank of merges (`gpt2`). */
  hasScores: bool;
  private stream!: Stream;
  private fault!: Fault;
  private metadata!: Metadata;
  private state: State;
  private done: u64;

  init(parser: Parser): void {
    this.stream = parser.stream;
    this.fault = parser.fault;
    this.metadata = parser.metadata;
    this.vocabulary = place<Vocabulary>();
    this.vocabulary.init(this.fault);
    this.merges = place<Merges>();
    this.merges.init(this.fault);
  }

  /**
   * Begins to load what the metadata speak of, into all that `region` has left. Returns E_OK, or
   * E_CORRUPT when there is no vocabulary, or none that is supported.
   */
  begin(region: Region): i32 {
    const metadata = this.metadata;
    const tokens = metadata.at(Key.TOKENS);
    const fault = this.fault;
    const end = this.stream.position();
    if (!tokens.isPresent || tokens.number == 0) return fault.set(Cause.NO_VOCABULARY, end);
    this.hasScores = metadata.is(Key.TOKENIZER, "llama");
    if (!this.hasScores && !metadata.is(Key.TOKENIZER, "gpt2")) {
      const place = metadata.at(Key.TOKENIZER).place;
      return fault.setKey(Cause.TOKENIZER, place, keyName(Key.TOKENIZER));
    }
    const extra = metadata.at(this.hasScores ? Key.SCORES : Key.MERGES);
    if (this.hasScores && metadata.number(Key.SCORES, 0) != tokens.number) {
      return fault.set(Cause.SCORE_COUNT, end, metadata.number(Key.SCORES, 0), tokens.number);
    }
    if (!extra.isPresent) return fault.set(Cause.NO_MERGES, end);
    return this.reserve(tokens.number, this.hasScores ? 0 : extra.number, region);
  }

  private reserve(tokenCount: u64, mergeCount: u64, region: Region): i32 {
    const isTooMany = tokenCount > TOKEN_COUNT_MAX || mergeCount >= MERGE_COUNT_MAX;
    const place = this.metadata.at(Key.TOKENS).place;
    const bytes = isTooMany
      ? u64.MAX_VALUE
      : Vocabulary.bytesFor(tokenCount, this.hasScores) + Merges.bytesFor(mergeCount);
    if (bytes > <u64>region.left()) {
      return this.fault.set(Cause.VOCABULARY_SIZE, place, tokenCount, mergeCount);
    }
    this.merges.begin(<u32>mergeCount, region);
    this.vocabulary.begin(<u32>tokenCount, this.hasScores, region);
    this.state = State.TOKENS;
    this.done = 0;
    this.stream.seek(place);
    return E_OK;
  }

  /** Goes on. PENDING, then E_OK, E_CORRUPT, or why the disk cannot be read. */
  advance(): i32 {
    for (let i = 0; i < ITEMS_A_SLICE && this.state != State.DONE; ++i) {
      const error = this.readNext();
      if (error == E_RANGE) {
        const stream = this.stream;
        return this.fault.set(Cause.TRUNCATED, stream.position(), stream.wanted, stream.left());
      }
      if (error != E_OK) return error;
    }
    return this.state == State.DONE ? E_OK : PENDING;
  }

  private readNext(): i32 {
    const metadata = this.metadata;
    if (this.state == State.TOKENS) {
      if (this.done < metadata.at(Key.TOKENS).number) return this.readText();
      return this.go(this.hasScores ? State.SCORES : State.MERGES);
    }
    if (this.state == State.SCORES) {
      if (this.done < metadata.at(Key.SCORES).number) return this.readScore();
    } else if (this.done < metadata.at(Key.MERGES).number) return this.readText();
    this.state = State.DONE;
    return E_OK;
  }

  private go(state: State): i32 {
    this.state = state;
    this.done = 0;
    this.stream.seek(this.metadata.at(this.hasScores ? Key.SCORES : Key.MERGES).place);
    return E_OK;
  }

  /** Reads a token or a merge. */
  private readText(): i32 {
    const stream = this.stream;
    let error = stream.need(STRING_HEAD_BYTES);
    if (error != E_OK) return error;
    const length = stream.u64(0);
    const place = stream.position();
    if (length > TOKEN_BYTES_MAX) {
      return this.fault.set(Cause.TOKEN_LENGTH, place, this.done, length);
    }
    error = stream.need(STRING_HEAD_BYTES + <u32>length);
    if (error != E_OK) return error;
    const ptr = stream.ptr(STRING_HEAD_BYTES);
    error =
      this.state == State.TOKENS
        ? this.vocabulary.add(ptr, <u32>length, place)
        : this.merges.add(this.vocabulary, ptr, <u32>length, place);
    if (error != E_OK) return error;
    this.done += 1;
    stream.skip(STRING_HEAD_BYTES + length);
    return E_OK;
  }

  private readScore(): i32 {
    const stream = this.stream;
    const error = stream.need(SCORE_BYTES);
    if (error != E_OK) return error;
    if (!this.vocabulary.setScore(<u32>this.done, stream.u32(0))) {
      return this.fault.set(Cause.SCORE, stream.position(), this.done);
    }
    this.done += 1;
    stream.skip(SCORE_BYTES);
    return E_OK;
  }
}
