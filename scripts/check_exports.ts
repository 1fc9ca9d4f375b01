/**
 * Dead exports: what a file exports, another file imports.
 *
 * Exempt are the exports of driver/main.ts, which the host calls, and the function that
 * asconfig.json names as abort. A namespace import uses all that a file exports. Interfaces and
 * type aliases are not judged: they are part of the signatures of what is exported.
 */
import ts from "typescript";
import { type Complaint, type SourceFile } from "./source_files.js";
import { importsOf, isTypeScript, lineOf, parse } from "./source_files.js";

interface Export {
  name: string;
  line: number;
}

/** A type that stands in the signature of an export is exported with it, whoever names it. */
function isTypeOnly(node: ts.Statement): boolean {
  return ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
}

function hasExport(node: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined;
  return modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

function declaredNames(node: ts.Statement): string[] {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map((declaration) => declaration.name.getText());
  }
  const name = (node as ts.Statement & { name?: ts.Identifier }).name;
  return name === undefined ? [] : [name.text];
}

function exportsOf(file: SourceFile): Export[] {
  return parse(file)
    .statements.filter((node) => hasExport(node) && !isTypeOnly(node))
    .flatMap((node) => declaredNames(node).map((name) => ({ name, line: lineOf(node) })));
}

/** The abort function of asconfig.json: `"use": ["abort=driver/util/abort/abort"]`. */
function configuredUses(files: SourceFile[]): string[] {
  const config = files.find((file) => file.path === "asconfig.json")?.text ?? "";
  return [...config.matchAll(/"\w+=([\w/]+)\/(\w+)"/g)].map(
    ([, file, name]) => `${file}.ts ${name}`,
  );
}

export function checkExports(files: SourceFile[]): Complaint[] {
  const sources = files.filter(isTypeScript);
  const used = new Set(configuredUses(files));
  for (const { target, names } of sources.flatMap(importsOf)) {
    for (const name of names) used.add(`${target} ${name}`);
  }
  return sources
    .filter((file) => file.path !== "driver/main.ts" && !used.has(`${file.path} *`))
    .flatMap((file) =>
      exportsOf(file)
        .filter(({ name }) => !used.has(`${file.path} ${name}`))
        .map(({ name, line }) => ({
          path: file.path,
          line,
          what: `exports ${name}, which nobody imports`,
        })),
    );
}
