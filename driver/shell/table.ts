/**
 * The command table: the one list of what the shell can do. `help` and the look-up of names read
 * it.
 */
import { placeArray } from "../util/arena";
import { Args } from "./args";
import { Command } from "./command";

const COMMAND_COUNT_MAX: i32 = 64;

/** Names further from what was typed than this are no help. */
const NEAR_EDITS: i32 = 2;

const NAME_BYTES_MAX: i32 = 16;

let commands!: StaticArray<Command>;
/** The title of the group that begins with a command, or nothing. */
let titles!: StaticArray<string>;
let nextTitle: string = "";
let count: i32 = 0;
let distances!: StaticArray<i32>;

/** Reserves the table. Called once, before `addCommand`. */
export function initCommandTable(): void {
  commands = placeArray<Command>(COMMAND_COUNT_MAX);
  titles = placeArray<string>(COMMAND_COUNT_MAX);
  distances = placeArray<i32>(NAME_BYTES_MAX + 1);
}

/** The commands that are added from now on belong together. */
export function addGroup(title: string): void {
  nextTitle = title;
}

/** Adds a command; `help` lists them in the order of these calls. */
export function addCommand(command: Command): void {
  assert(command.name().length <= NAME_BYTES_MAX, "command name is too long");
  command.init();
  titles[count] = nextTitle;
  nextTitle = "";
  commands[count++] = command;
}

export function commandCount(): i32 {
  return count;
}

export function commandAt(index: i32): Command {
  return commands[index];
}

/** The title that stands above a command, or an empty text. */
export function titleAt(index: i32): string {
  return titles[index];
}

/** The command that word `index` names, or null. */
export function findCommand(args: Args, index: i32): Command | null {
  for (let i = 0; i < count; ++i) {
    if (args.is(index, commands[i].name())) return commands[i];
  }
  return null;
}

/** The command whose name is nearest to word `index`, or null when none is near. */
export function nearestCommand(args: Args, index: i32): Command | null {
  let nearest: Command | null = null;
  let fewest = NEAR_EDITS + 1;
  for (let i = 0; i < count; ++i) {
    const edits = editDistance(args.ptr(index), args.lengthBytes(index), commands[i].name());
    if (edits >= fewest || edits >= commands[i].name().length) continue;
    fewest = edits;
    nearest = commands[i];
  }
  return nearest;
}

/** Levenshtein distance of the text at `wordPtr` to `name`, a row of the table at a time. */
function editDistance(wordPtr: usize, wordBytes: usize, name: string): i32 {
  if (wordBytes > <usize>NAME_BYTES_MAX) return i32.MAX_VALUE;
  for (let column = 0; column <= name.length; ++column) distances[column] = column;
  for (let row = 1; row <= <i32>wordBytes; ++row) {
    let diagonal = row - 1;
    distances[0] = row;
    for (let column = 1; column <= name.length; ++column) {
      const isSame = load<u8>(wordPtr + row - 1) == name.charCodeAt(column - 1);
      const edits = min(
        diagonal + (isSame ? 0 : 1),
        min(distances[column], distances[column - 1]) + 1,
      );
      diagonal = distances[column];
      distances[column] = edits;
    }
  }
  return distances[name.length];
}
