/**
 * Tidy text: columns, white space, line ends, file length, file headers, file names, and words that
 * do not belong.
 *
 * Transcripts are what a terminal shows and keep their trailing spaces and their width; prose and
 * JSON may be wide, files of tests may be long. Makefiles have tabs.
 */
import { type Complaint, type SourceFile } from "./source_files.js";

const MAX_COLUMNS = 100;
const MAX_FILE_LINES = 400;
const MIN_HEADER_CHARACTERS = 20;

const CODE = /(\.(ts|c|h|S|sh|ld|mk)|(^|\/)Makefile|^\.ci\/run)$/;
const MAKE = /(\.mk|(^|\/)Makefile)$/;
const TRANSCRIPT = /^tests\/transcripts\//;
const TEST = /^tests\//;
const SNAKE_CASE = /^\.?[a-z0-9_]+(\.[a-z0-9_]+)*$/;
const NAMES_BY_CUSTOM = /^(Makefile|README\.md|LICENSE|\.clang-format|boot\.S|[a-z0-9_]+\.S)$/;

/** Written in two halves, so that this file does not hold them. */
const LEFTOVERS = new RegExp(
  `\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`,
);
const MACHINE_PATHS = new RegExp(
  `(^|[\\s"'\`(=:])/(${["ho" + "me", "ro" + "ot", "Us" + "ers", "wo" + "rk"].join("|")})/\\w`,
);
const REGISTRIES = new RegExp(
  `\\b(${["regis" + "try", "artif" + "actory", "pro" + "xy"].join("|")})\\.[a-z]+[./]`,
);

interface Rule {
  what: string;
  appliesTo: (path: string) => boolean;
  isBroken: (line: string) => boolean;
}

const isCode = (path: string): boolean => CODE.test(path);
const isAny = (): boolean => true;
const isPlain = (path: string): boolean => !TRANSCRIPT.test(path);

const LINE_RULES: Rule[] = [
  {
    what: `more than ${MAX_COLUMNS} columns`,
    appliesTo: isCode,
    isBroken: (line) => [...line].length > MAX_COLUMNS,
  },
  {
    what: "tab",
    appliesTo: (path) => isCode(path) && !MAKE.test(path),
    isBroken: (line) => line.includes("\t"),
  },
  { what: "trailing space", appliesTo: isPlain, isBroken: (line) => /[ \t]$/.test(line) },
  { what: "carriage return", appliesTo: isPlain, isBroken: (line) => line.includes("\r") },
  { what: "leftover word", appliesTo: isAny, isBroken: (line) => LEFTOVERS.test(line) },
  { what: "path of a machine", appliesTo: isAny, isBroken: (line) => MACHINE_PATHS.test(line) },
  { what: "registry host", appliesTo: isAny, isBroken: (line) => REGISTRIES.test(line) },
  { what: "commented-out code", appliesTo: isCode, isBroken: isDeadCode },
];

/**
 * A line comment that reads as a statement. Prose may end in a semicolon, but not in `);` or after
 * `=`.
 */
function isDeadCode(line: string): boolean {
  const comment = /^\s*\/\/\s*(.*?)\s*$/.exec(line)?.[1] ?? "";
  return (
    /^[\w.[\]]+\(.*\);$/.test(comment) ||
    /^(const |let |return\b)?[\w.[\]>* -]* ?=[^=].*;$/.test(comment) ||
    /^(if|for|while|switch) ?\(.*\) ?\{$/.test(comment)
  );
}

function checkLines(file: SourceFile): Complaint[] {
  const rules = LINE_RULES.filter((rule) => rule.appliesTo(file.path));
  return file.text
    .split("\n")
    .flatMap((text, index) =>
      rules
        .filter((rule) => rule.isBroken(text))
        .map(({ what }) => ({ path: file.path, line: index + 1, what })),
    );
}

/** The first comment of the file says what the file does, after `#!` where that comes first. */
function hasHeader(text: string): boolean {
  const start = text.replace(/^#!.*\n/, "").trimStart();
  const header = /^(\/\*[^]*?\*\/|(\/\/.*\n)+|(#(?!include|define|if|pragma).*\n)+)/.exec(
    start,
  )?.[0];
  return header !== undefined && header.replace(/[\s/*#]/g, "").length >= MIN_HEADER_CHARACTERS;
}

function hasGoodName(path: string): boolean {
  return path.split("/").every((part) => SNAKE_CASE.test(part) || NAMES_BY_CUSTOM.test(part));
}

function checkWhole({ path, text }: SourceFile): string[] {
  const lineCount = text.split("\n").length - 1;
  const complaints: string[] = [];
  if (!hasGoodName(path)) complaints.push("file name is not snake_case");
  if (text !== "" && !text.endsWith("\n")) complaints.push("no newline at the end");
  if (isPlain(path) && text.endsWith("\n\n")) complaints.push("empty line at the end");
  if (!isCode(path)) return complaints;
  if (!hasHeader(text)) complaints.push("no header comment that says what the file does");
  if (lineCount > MAX_FILE_LINES && !TEST.test(path)) {
    complaints.push(`${lineCount} lines, more than ${MAX_FILE_LINES}`);
  }
  return complaints;
}

export function checkTidy(files: SourceFile[]): Complaint[] {
  return files.flatMap((file) => [
    ...checkWhole(file).map((what) => ({ path: file.path, line: 1, what })),
    ...checkLines(file),
  ]);
}
