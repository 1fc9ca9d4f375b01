/**
 * `make check` and `make fmt`: runs every check over the repository, one line for each complaint.
 *
 *     node build/node/scripts/check.js          exit status 1 when there is a complaint
 *     node build/node/scripts/check.js --write  formats all files instead
 */
import { writeFileSync } from "node:fs";
import { checkExports } from "./check_exports.js";
import { checkFormat, format, readStyles } from "./check_format.js";
import { checkFunctions } from "./check_functions.js";
import { checkLayers } from "./check_layers.js";
import { checkTidy } from "./check_tidy.js";
import { readSources } from "./source_files.js";

const files = readSources(process.cwd());
const styles = readStyles(files);

async function rewrite(): Promise<void> {
  for (const file of files) {
    const wanted = await format(file, styles);
    if (wanted === file.text) continue;
    writeFileSync(file.path, wanted);
    console.log(file.path);
  }
}

async function check(): Promise<void> {
  const complaints = [
    ...checkLayers(files),
    ...checkTidy(files),
    ...checkFunctions(files),
    ...checkExports(files),
    ...(await checkFormat(files, styles)),
  ];
  for (const { path, line, what } of complaints) console.log(`${path}:${line}: ${what}`);
  if (complaints.length > 0) process.exitCode = 1;
  else console.log(`check: ${files.length} files are in order`);
}

await (process.argv[2] === "--write" ? rewrite() : check());
