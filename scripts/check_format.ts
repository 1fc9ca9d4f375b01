/**
 * Format: Prettier for TypeScript and JSON, clang-format for C, each with its own configuration
 * (package.json and shim/.clang-format). A file that does not parse is a complaint too.
 */
import { format as formatC } from "@wasm-fmt/clang-format";
import * as prettier from "prettier";
import { type Complaint, type SourceFile } from "./source_files.js";
import { isC } from "./source_files.js";

/** What decides how the text looks. */
export interface Styles {
  prettier: prettier.Options;
  clang: string;
}

const PRETTIER_FILES = /\.(ts|json)$/;

/** Reads the styles of this repository. */
export function readStyles(files: SourceFile[]): Styles {
  const textOf = (path: string): string => files.find((file) => file.path === path)?.text ?? "";
  const { prettier } = JSON.parse(textOf("package.json")) as { prettier: prettier.Options };
  return { prettier, clang: textOf("shim/.clang-format") };
}

/** The text as the formatter wants it; the same text for files that no formatter looks at. */
export async function format(file: SourceFile, styles: Styles): Promise<string> {
  if (isC(file)) return formatC(file.text, "main.c", styles.clang);
  if (!PRETTIER_FILES.test(file.path)) return file.text;
  return prettier.format(file.text, { ...styles.prettier, filepath: file.path });
}

function firstDifference(a: string, b: string): number {
  const lines = b.split("\n");
  return a.split("\n").findIndex((line, index) => line !== lines[index]) + 1;
}

async function checkFile(file: SourceFile, styles: Styles): Promise<Complaint[]> {
  const path = file.path;
  try {
    const wanted = await format(file, styles);
    if (wanted === file.text) return [];
    return [
      { path, line: firstDifference(wanted, file.text), what: "format: make fmt rewrites it" },
    ];
  } catch (error) {
    const [what = ""] = String(error).split("\n");
    return [{ path, line: 1, what: `format: ${what}` }];
  }
}

export async function checkFormat(files: SourceFile[], styles: Styles): Promise<Complaint[]> {
  const complaints: Complaint[] = [];
  for (const file of files) complaints.push(...(await checkFile(file, styles)));
  return complaints;
}
