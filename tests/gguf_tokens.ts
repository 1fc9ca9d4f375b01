/**
 * Vocabularies for tests, learned from a text by byte pair encoding, and the two ways of making
 * tokens with them, written as plainly as can be and without anything of the driver.
 */
import { ARRAY, BOOL, type Entry, F32, I32, STRING, U32 } from "./gguf_file.js";

const CORPUS =
  "the quick brown fox jumps over the lazy dog. the dog's bark isn't as loud as the fox's. " +
  "we'll see whether they're there; I'd say we've seen 1234 foxes and 42 dogs in the 1990s. " +
  "Größe und Maß: größer, größte. naïve café. 日本語 テスト hello world, hello there. ".repeat(2);

const SPACE_MARK = "\u2581";

export interface Vocabulary {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  readonly merges: readonly string[];
  readonly entries: Entry[];
}

function mostFrequentPair(words: readonly string[][]): [string, string] | undefined {
  const counts = new Map<string, number>();
  for (const word of words) {
    for (let i = 0; i + 1 < word.length; i++) {
      const pair = `${word[i]}\n${word[i + 1]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + 1);
    }
  }
  const best = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0];
  return best && best[1] > 1 ? (best[0].split("\n") as [string, string]) : undefined;
}

function joinPair(word: readonly string[], left: string, right: string): string[] {
  const joined: string[] = [];
  for (let i = 0; i < word.length; i++) {
    const isPair = word[i] === left && word[i + 1] === right;
    joined.push(isPair ? left + right : word[i]!);
    if (isPair) i++;
  }
  return joined;
}

/** Learns at most `count` merges from words that are lists of symbols. */
function learn(words: string[][], count: number): [string, string][] {
  const merges: [string, string][] = [];
  while (merges.length < count) {
    const pair = mostFrequentPair(words);
    if (!pair) break;
    merges.push(pair);
    words = words.map((word) => joinPair(word, ...pair));
  }
  return merges;
}

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");

export function llamaVocabulary(mergeCount = 200): Vocabulary {
  const words = CORPUS.split(" ").map((word) => [...SPACE_MARK, ...word]);
  const merges = learn(words, mergeCount);
  const letters = [...new Set(words.flat())].filter((letter) => letter !== "語");
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte)}>`);
  const joined = [...new Set(merges.map((pair) => pair.join("")))];
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, ...joined, ...letters];
  // Scores fall with the rank, some of them equal; letters come last, bytes have none
  const scores = tokens.map((token, id) => {
    const rank = joined.indexOf(token);
    if (rank >= 0) return rank === 3 ? 0.5 : -(rank >> 1) * 0.75;
    return id < 259 ? 0 : -1e6 - id;
  });
  const entries: Entry[] = [
    { key: "tokenizer.ggml.model", type: STRING, value: "llama" },
    { key: "tokenizer.ggml.tokens", type: ARRAY, value: { type: STRING, items: tokens } },
    { key: "tokenizer.ggml.scores", type: ARRAY, value: { type: F32, items: scores } },
    {
      key: "tokenizer.ggml.token_type",
      type: ARRAY,
      value: { type: I32, items: tokens.map(() => 1) },
    },
    { key: "tokenizer.ggml.bos_token_id", type: U32, value: 1 },
    { key: "tokenizer.ggml.eos_token_id", type: U32, value: 2 },
  ];
  return { tokens, scores, merges: [], entries };
}

const PRINTABLE = /[\u0021-\u007e\u00a1-\u00ac\u00ae-\u00ff]/;

/** The letter for each byte, as GPT-2 has them. */
function byteLetters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const char = String.fromCodePoint(byte);
    return PRINTABLE.test(char) ? char : String.fromCodePoint(next++);
  });
}

const LETTERS = byteLetters();
const PIECES = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

const lettersOf = (text: string): string[] => [...Buffer.from(text)].map((byte) => LETTERS[byte]!);

export function gpt2Vocabulary(mergeCount = 200): Vocabulary {
  const words = (CORPUS.match(PIECES) ?? []).map(lettersOf);
  const merges = learn(words, mergeCount);
  const joined = [...new Set(merges.map((pair) => pair.join("")))];
  const tokens = [...LETTERS, ...joined, "<|endoftext|>"];
  const lines = merges.map((pair) => pair.join(" "));
  const entries: Entry[] = [
    { key: "tokenizer.ggml.model", type: STRING, value: "gpt2" },
    { key: "tokenizer.ggml.merges", type: ARRAY, value: { type: STRING, items: lines } },
    { key: "tokenizer.ggml.tokens", type: ARRAY, value: { type: STRING, items: tokens } },
    { key: "tokenizer.ggml.pre", type: STRING, value: "gpt-2" },
    { key: "tokenizer.ggml.add_bos_token", type: BOOL, value: false },
  ];
  return { tokens, scores: [], merges: lines, entries };
}

/** Joins the neighbours with the lowest key, the leftmost first, until none has one. */
function joinAll(symbols: string[], keyOf: (left: string, right: string) => number): string[] {
  for (;;) {
    let best = -1;
    let bestKey = Infinity;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const key = keyOf(symbols[i]!, symbols[i + 1]!);
      if (key < bestKey) [best, bestKey] = [i, key];
    }
    if (best < 0) return symbols;
    symbols.splice(best, 2, symbols[best]! + symbols[best + 1]!);
  }
}

/** Tokens of `text` as a SentencePiece vocabulary has them, the token of the start included. */
export function llamaTokens({ tokens, scores }: Vocabulary, text: string, prefix = true): number[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const escaped = (text !== "" && prefix ? ` ${text}` : text).replaceAll(" ", SPACE_MARK);
  const symbols = joinAll([...escaped], (left, right) => {
    const id = ids.get(left + right);
    return id === undefined ? Infinity : -Math.fround(scores[id]!);
  });
  const found = symbols.flatMap((symbol) => {
    const id = ids.get(symbol);
    if (id !== undefined) return [id];
    return [...Buffer.from(symbol)].map((byte) => ids.get(`<0x${hex(byte)}>`) ?? 0);
  });
  return [1, ...found];
}

export function gpt2Tokens({ tokens, merges }: Vocabulary, text: string): number[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const ranks = new Map(merges.map((line, rank) => [line, rank]));
  return (text.match(PIECES) ?? []).flatMap((piece) =>
    joinAll(lettersOf(piece), (left, right) => ranks.get(`${left} ${right}`) ?? Infinity).map(
      (symbol) => ids.get(symbol)!,
    ),
  );
}
