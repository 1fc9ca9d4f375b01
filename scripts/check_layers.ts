/**
 * Layers: every import in driver/ points to a lower level, or stays within its folder (DESIGN,
 * section 2).
 *
 * Also: only host.ts imports functions from the host; only main.ts names a concrete transport
 * outside driver/virtio; from blk up nobody sees a register, from io up nobody sees a descriptor;
 * the device model shares nothing with the driver it judges.
 */
import ts from "typescript";
import { type Complaint, type Import, type SourceFile } from "./source_files.js";
import { importsOf, isTypeScript, lineOf, parse } from "./source_files.js";

const DRIVER = "driver/";
const MODEL = "tests/machine/";

/**
 * Level by folder or file directly in driver/. Wire formats, `*\/layout.ts`, are level 0 wherever
 * they are.
 */
const LEVELS: Record<string, number> = {
  util: 0,
  "host.ts": 1,
  "dma.ts": 2,
  "handover.ts": 2,
  virtio: 3,
  blk: 4,
  io: 5,
  statefs: 6,
  gguf: 6,
  shell: 7,
  "main.ts": 8,
};

const BLK_LEVEL = 4;
const IO_LEVEL = 5;
const CONCRETE_TRANSPORT = /^driver\/virtio\/mmio_(legacy|modern)\.ts$/;
const REGISTERS = /^driver\/virtio\/(.*register.*|mmio.*)\.ts$/;
const QUEUE = "driver/virtio/queue.ts";
const DESCRIPTOR_NAME = /^(VIRTQ_|Virtq|Desc)/;

interface Place {
  /** The unit that may import within itself: a folder, or a file on its own. */
  unit: string;
  level: number;
}

/** Where a file of driver/ stands, or undefined when the table does not know it. */
function placeOf(path: string): Place | undefined {
  const inside = path.slice(DRIVER.length);
  if (inside.endsWith("/layout.ts")) return { unit: inside, level: 0 };
  const unit = inside.split("/")[0] ?? "";
  const level = LEVELS[unit];
  return level === undefined ? undefined : { unit, level };
}

/** What is wrong with an import of `target` in the file `path` at `from`, or undefined. */
function judgeDirection(from: Place, target: string): string | undefined {
  const to = placeOf(target);
  if (to === undefined) return `imports ${target}, which has no level`;
  if (from.unit === to.unit || from.level > to.level) return undefined;
  return `level ${from.level} imports ${target}, level ${to.level}`;
}

/** What a file at `from` must not know, or undefined. */
function judgeSight(from: Place, path: string, { target, names }: Import): string | undefined {
  const isWiring = path === "driver/main.ts";
  if (isWiring || from.unit === "virtio") return undefined;
  if (CONCRETE_TRANSPORT.test(target)) return `names a concrete transport, ${target}`;
  if (from.level >= BLK_LEVEL && REGISTERS.test(target)) return `sees registers, ${target}`;
  const isDescriptor = target === QUEUE || names.some((name) => DESCRIPTOR_NAME.test(name));
  if (from.level >= IO_LEVEL && isDescriptor) return `sees descriptors, ${target}`;
  return undefined;
}

function judgeImport(file: SourceFile, from: Place, entry: Import): string[] {
  if (!entry.target.startsWith(DRIVER)) return [`imports ${entry.target}, outside driver/`];
  const verdicts = [judgeDirection(from, entry.target), judgeSight(from, file.path, entry)];
  return verdicts.filter((verdict) => verdict !== undefined);
}

/** The lines on which a function is declared but not defined: an import from the host. */
function hostImportLines(file: SourceFile): number[] {
  const isDeclared = (node: ts.Statement): boolean =>
    ts.isFunctionDeclaration(node) && node.body === undefined;
  return parse(file).statements.filter(isDeclared).map(lineOf);
}

function checkDriverFile(file: SourceFile): Complaint[] {
  const path = file.path;
  const from = placeOf(path);
  if (from === undefined) return [{ path, line: 1, what: "has no level in check_layers.ts" }];
  const complaints = importsOf(file).flatMap((entry) =>
    judgeImport(file, from, entry).map((what) => ({ path, line: entry.line, what })),
  );
  if (path === "driver/host.ts") return complaints;
  const what = "imports a function of the host: only host.ts may";
  return [...complaints, ...hostImportLines(file).map((line) => ({ path, line, what }))];
}

function checkModelFile(file: SourceFile): Complaint[] {
  return importsOf(file)
    .filter((entry) => entry.target.startsWith(DRIVER))
    .map(({ target, line }) => ({
      path: file.path,
      line,
      what: `the device model imports ${target} of the driver`,
    }));
}

export function checkLayers(files: SourceFile[]): Complaint[] {
  const sources = files.filter(isTypeScript);
  return [
    ...sources.filter((file) => file.path.startsWith(DRIVER)).flatMap(checkDriverFile),
    ...sources.filter((file) => file.path.startsWith(MODEL)).flatMap(checkModelFile),
  ];
}
