/**
 * The files of the repository as the checks see them, and the complaints that the checks make.
 *
 * The checks are functions from files to complaints, so that tests feed them samples that are on no
 * disk.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  path: string;
  text: string;
}

export interface Complaint {
  path: string;
  /** From 1. */
  line: number;
  what: string;
}

/** What is made or installed is not ours to judge. */
const SKIPPED = new Set(["build", "node_modules", ".git", "package-lock.json"]);

/** Every file below `root` that belongs to the repository, in a stable order. */
export function readSources(root: string, folder = ""): SourceFile[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const files: SourceFile[] = [];
  for (const entry of entries) {
    if (SKIPPED.has(entry.name)) continue;
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) files.push(...readSources(root, path));
    else if (entry.isFile()) files.push({ path, text: readFileSync(join(root, path), "utf8") });
  }
  return files;
}

const parsed = new WeakMap<SourceFile, ts.SourceFile>();

/** The syntax tree of a TypeScript or AssemblyScript file; parsed once. */
export function parse(file: SourceFile): ts.SourceFile {
  let tree = parsed.get(file);
  if (tree === undefined) {
    tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
    parsed.set(file, tree);
  }
  return tree;
}

/** The line of `node`, from 1. */
export function lineOf(node: ts.Node): number {
  const tree = node.getSourceFile();
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

export function isTypeScript(file: SourceFile): boolean {
  return file.path.endsWith(".ts");
}

export function isC(file: SourceFile): boolean {
  return /\.[ch]$/.test(file.path);
}

export interface Import {
  /** The imported file from the root of the repository, or the name of a package. */
  target: string;
  /** The names it takes, `*` for all of them. */
  names: string[];
  line: number;
}

/** `specifier` as written in `path`: the file it means, or the package name as it is. */
function resolve(path: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  const base = join(path, "..", specifier).replace(/\.(js|ts)$/, "");
  return `${base}.ts`;
}

function importedNames(node: ts.ImportDeclaration | ts.ExportDeclaration): string[] {
  const clause = ts.isImportDeclaration(node)
    ? node.importClause?.namedBindings
    : node.exportClause;
  if (clause === undefined || ts.isNamespaceImport(clause) || ts.isNamespaceExport(clause))
    return ["*"];
  return clause.elements.map((element) => (element.propertyName ?? element.name).text);
}

/** The static imports and re-exports of a TypeScript file. */
export function importsOf(file: SourceFile): Import[] {
  const imports: Import[] = [];
  for (const node of parse(file).statements) {
    if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) continue;
    if (node.moduleSpecifier === undefined || !ts.isStringLiteral(node.moduleSpecifier)) continue;
    const target = resolve(file.path, node.moduleSpecifier.text);
    imports.push({ target, names: importedNames(node), line: lineOf(node) });
  }
  return imports;
}
