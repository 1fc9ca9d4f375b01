/**
 * The shape of functions: at most 60 lines, 5 parameters and 3 control structures inside each
 * other.
 *
 * TypeScript is judged by its syntax tree. C is judged by its text, which clang-format has laid
 * out: a function starts and ends in column 0, and the depth of a control structure is its
 * indentation. A callback given to `describe` is a heading and may be longer; a function inside a
 * function is judged on its own.
 */
import ts from "typescript";
import { type Complaint, type SourceFile } from "./source_files.js";
import { isC, isTypeScript, lineOf, parse } from "./source_files.js";

const MAX_LINES = 60;
const MAX_PARAMETERS = 5;
const MAX_DEPTH = 3;
const C_INDENT = 4;

const CONTROL = new Set([
  ts.SyntaxKind.IfStatement,
  ts.SyntaxKind.ForStatement,
  ts.SyntaxKind.ForInStatement,
  ts.SyntaxKind.ForOfStatement,
  ts.SyntaxKind.WhileStatement,
  ts.SyntaxKind.DoStatement,
  ts.SyntaxKind.SwitchStatement,
  ts.SyntaxKind.TryStatement,
]);

interface Shape {
  name: string;
  line: number;
  lineCount: number;
  parameterCount: number;
}

function judgeShape(path: string, shape: Shape): Complaint[] {
  const { name, line, lineCount, parameterCount } = shape;
  const complaints: Complaint[] = [];
  if (lineCount > MAX_LINES) {
    complaints.push({ path, line, what: `${name} has ${lineCount} lines, more than ${MAX_LINES}` });
  }
  if (parameterCount > MAX_PARAMETERS) {
    const what = `${name} has ${parameterCount} parameters, more than ${MAX_PARAMETERS}`;
    complaints.push({ path, line, what });
  }
  return complaints;
}

function tooDeep(path: string, line: number): Complaint {
  return { path, line, what: `nested deeper than ${MAX_DEPTH}` };
}

function isHeading(node: ts.Node): boolean {
  return (
    ts.isCallExpression(node.parent) && /^(describe|suite)\b/.test(node.parent.expression.getText())
  );
}

function shapeOf(node: ts.SignatureDeclaration): Shape {
  const line = lineOf(node);
  const end = node.getSourceFile().getLineAndCharacterOfPosition(node.getEnd()).line + 1;
  return {
    name: node.name?.getText() ?? "function",
    line,
    lineCount: isHeading(node) ? 0 : end - line + 1,
    parameterCount: node.parameters.length,
  };
}

/** `else if` continues its `if`: it is not nested in it. */
function isElseIf(node: ts.Node): boolean {
  return (
    ts.isIfStatement(node) && ts.isIfStatement(node.parent) && node.parent.elseStatement === node
  );
}

function checkTree(path: string, root: ts.Node): Complaint[] {
  const complaints: Complaint[] = [];
  const visit = (node: ts.Node, depth: number): void => {
    let inner = depth;
    if (ts.isFunctionLike(node)) {
      complaints.push(...judgeShape(path, shapeOf(node)));
      inner = 0;
    } else if (CONTROL.has(node.kind) && !isElseIf(node)) {
      inner = depth + 1;
      if (inner === MAX_DEPTH + 1) complaints.push(tooDeep(path, lineOf(node)));
    }
    ts.forEachChild(node, (child) => visit(child, inner));
  };
  visit(root, 0);
  return complaints;
}

/** The number of parameters in a C signature: the commas of its last pair of parentheses. */
function countParameters(signature: string): number {
  const list = /\(((?:[^()]|\([^()]*\))*)\)\s*\{$/.exec(signature)?.[1] ?? "";
  if (list === "" || list === "void") return 0;
  return list.replace(/\([^()]*\)/g, "").split(",").length;
}

function checkCFunctions(file: SourceFile): Complaint[] {
  const lines = file.text.split("\n");
  const complaints: Complaint[] = [];
  let start = 0;
  let signature = "";
  lines.forEach((text, index) => {
    if (/^[A-Za-z_]/.test(text)) {
      start = index;
      signature = "";
    }
    if (!signature.endsWith("{")) signature = `${signature} ${text.trim()}`;
    if (!/^\}/.test(text) || !/\)\s*\{$/.test(signature)) return;
    const name = /(\w+)\(/.exec(signature)?.[1] ?? "function";
    const shape = { name, line: start + 1, lineCount: index - start + 1 };
    const parameterCount = countParameters(signature);
    complaints.push(...judgeShape(file.path, { ...shape, parameterCount }));
    signature = "";
  });
  return complaints;
}

function checkCDepth(file: SourceFile): Complaint[] {
  return file.text.split("\n").flatMap((text, index) => {
    const indent = /^( *)(?:if|for|while|do|switch)\b/.exec(text)?.[1]?.length ?? 0;
    return indent / C_INDENT === MAX_DEPTH + 1 ? [tooDeep(file.path, index + 1)] : [];
  });
}

export function checkFunctions(files: SourceFile[]): Complaint[] {
  return files.flatMap((file) => {
    if (isTypeScript(file)) return checkTree(file.path, parse(file));
    return isC(file) ? [...checkCFunctions(file), ...checkCDepth(file)] : [];
  });
}
