/**
 * What loadmodel says of a model, of tokens, and of what is wrong with a file. Text from the file
 * is shown without anything that a terminal could take for a command.
 */
import { BlkDevice } from "../blk/device";
import { byteOfLetter } from "../gguf/byte_letters";
import { Fault } from "../gguf/fault";
import { Entry, Key, Metadata } from "../gguf/metadata";
import { Model } from "../gguf/model";
import { Parser } from "../gguf/parser";
import { TENSOR_TYPE_COUNT, tensorTypeName } from "../gguf/tensor_types";
import { Tokenizer } from "../gguf/tokenizer";
import { VocabularyLoader } from "../gguf/vocabulary_loader";
import { reserve } from "../util/arena";
import { isUtf8 } from "../util/utf8";
import { printDiskName } from "./command";
import { out } from "./console";

const PERCENT: u32 = 0x25;

/** Bytes of a token's text that are shown. */
const SHOWN_BYTES: u32 = 48;

/** `  architecture     ` */
const LABEL_COLUMNS: i32 = 15;

/** Column of the numbers behind the name of a tensor type. */
const TYPE_COLUMNS: i32 = 9;

let shownPtr: usize = 0;

/** Reserves what the functions below need. Called once, at start. */
export function initModelReport(): void {
  shownPtr = reserve(SHOWN_BYTES, 16);
}

/** `loadmodel: vda, byte 8 of the file, general.alignment: cause` */
export function printFault(disk: BlkDevice, fault: Fault): void {
  out.text("loadmodel: ");
  printDiskName(disk);
  out.text(", byte ").decimal(fault.place).text(" of the file");
  if (fault.key.length > 0) out.text(", ").text(fault.key);
  out.text(": ");
  const text = fault.text();
  let number = fault.first;
  for (let i = 0; i < text.length; ++i) {
    if (text.charCodeAt(i) != PERCENT) {
      out.char(text.charCodeAt(i));
      continue;
    }
    out.decimal(number);
    number = fault.second;
  }
  out.line();
}

function printLabel(label: string): void {
  out.text("  ").text(label).pad(label.length, LABEL_COLUMNS);
}

/** All that is known of a model before its tensors are read. */
export function printModel(parser: Parser): void {
  const model = parser.model;
  const metadata = parser.metadata;
  printDiskName(parser.stream.disk);
  out.text(": GGUF version ").decimal(model.version).text(", ");
  out.decimal(model.entryCount).text(" metadata entries, ");
  out.decimal(model.tensorCount).text(" tensors").line();
  printTextOf(metadata.at(Key.ARCHITECTURE), "architecture");
  if (metadata.at(Key.NAME).isPresent) printTextOf(metadata.at(Key.NAME), "name");
  printLabel("parameters");
  out.decimal(model.parameterCount).line();
  printTypes(model);
  printLabel("vocabulary");
  printVocabularySize(metadata);
  printLabel("tensor data");
  out.decimal(model.dataBytes()).text(" bytes, from byte ").decimal(model.dataStart);
  out.text(" of the file").line();
}

function printTextOf(entry: Entry, label: string): void {
  printLabel(label);
  if (!entry.isPresent) out.text("not given");
  else printSafe(entry.textPtr, entry.textBytes);
  if (entry.number > entry.textBytes) out.text("...");
  out.line();
}

/** A line for each type of tensors. */
function printTypes(model: Model): void {
  let label = "quantisation";
  for (let type: u32 = 0; type < TENSOR_TYPE_COUNT; ++type) {
    if (model.tensors(type) == 0) continue;
    printLabel(label);
    const name = tensorTypeName(type);
    out.text(name).pad(name.length, TYPE_COLUMNS).decimal(model.tensors(type));
    out
      .text(model.tensors(type) == 1 ? " tensor, " : " tensors, ")
      .decimal(model.parameters(type))
      .text(" parameters, ");
    out.decimal(model.bytes(type)).text(" bytes").line();
    label = "";
  }
}

function printVocabularySize(metadata: Metadata): void {
  if (!metadata.at(Key.TOKENS).isPresent) return out.text("none").line();
  out.decimal(metadata.number(Key.TOKENS, 0)).text(" tokens");
  const tokenizer = metadata.at(Key.TOKENIZER);
  if (tokenizer.isPresent) {
    out.text(", ");
    printSafe(tokenizer.textPtr, tokenizer.textBytes);
  }
  out.line();
}

/** Which vocabulary tokens have been made with. */
export function printVocabulary(disk: BlkDevice, metadata: Metadata): void {
  printDiskName(disk);
  out.text(": vocabulary of ");
  printVocabularySize(metadata);
  const pre = metadata.at(Key.PRE);
  const isSplit = metadata.is(Key.TOKENIZER, "gpt2") && pre.isPresent;
  if (!isSplit || metadata.is(Key.PRE, "gpt-2") || metadata.is(Key.PRE, "default")) return;
  out.text("  the text is split as gpt-2 does, the vocabulary asks for ");
  printSafe(pre.textPtr, pre.textBytes);
  out.line();
}

/** A line for each token, `     318  | is|`, and how many there are. */
export function printTokens(tokenizer: Tokenizer, loader: VocabularyLoader): void {
  for (let i = 0; i < tokenizer.count; ++i) {
    const token = tokenizer.token(i);
    const ptr = loader.vocabulary.textPtr(token);
    const bytes = loader.vocabulary.textBytes(token);
    const shownBytes = loader.hasScores ? plainSpaces(ptr, bytes) : plainBytes(ptr, bytes);
    out.right(token, 8).text("  |");
    printSafe(shownPtr, shownBytes);
    out.text("|").line();
  }
  out.decimal(tokenizer.count).text(" tokens").line();
}

/** Puts a token's text where it is shown from, with spaces for U+2581. Returns its length. */
function plainSpaces(ptr: usize, bytes: u32): u32 {
  let shown: u32 = 0;
  for (let at: u32 = 0; at < bytes && shown < SHOWN_BYTES; ++shown) {
    const isMark =
      at + 3 <= bytes && load<u16>(ptr + at) == 0x96e2 && load<u8>(ptr + at, 2) == 0x81;
    store<u8>(shownPtr + shown, isMark ? 0x20 : load<u8>(ptr + at));
    at += isMark ? 3 : 1;
  }
  return shown;
}

/** The same, with the bytes that letters stand for; what is no such letter is shown as it is. */
function plainBytes(ptr: usize, bytes: u32): u32 {
  let shown: u32 = 0;
  for (let at: u32 = 0; at < bytes && shown < SHOWN_BYTES; ++shown) {
    const lead: u32 = load<u8>(ptr + at);
    const isPair = (lead & 0xe0) == 0xc0 && at + 1 < bytes;
    const letter = isPair ? ((lead & 0x1f) << 6) | (load<u8>(ptr + at, 1) & 0x3f) : lead;
    const byte = lead < 0x80 || isPair ? byteOfLetter(letter) : 256;
    store<u8>(shownPtr + shown, <u8>(byte < 256 ? byte : lead));
    at += byte < 256 && isPair ? 2 : 1;
  }
  return shown;
}

/** UTF-8 without control characters as it is, anything else as ASCII with dots. */
function printSafe(ptr: usize, bytes: u32): void {
  if (isUtf8(ptr, bytes) && !hasControl(ptr, bytes)) out.bytes(ptr, bytes);
  else out.printable(ptr, bytes);
}

/** Whether there is a control character, of ASCII or of the 32 behind it (0xc2 0x80 to 0x9f). */
function hasControl(ptr: usize, bytes: u32): bool {
  for (let i: u32 = 0; i < bytes; ++i) {
    const byte: u32 = load<u8>(ptr + i);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && load<u8>(ptr + i, 1) < 0xa0) return true;
  }
  return false;
}
