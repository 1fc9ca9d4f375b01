/**
 * Keeps QEMU and tsblk-disk apart on one image.
 *
 * QEMU marks what it does with an image by locks on single bytes of it, 100 and up for what it may
 * do, 200 and up for what nobody else may; they are Linux's open file description locks, which Node
 * can neither ask for nor take. So /proc/locks is looked at first, and then qemu-io opens the image
 * as QEMU would and holds it until the release: QEMU does not start on it meanwhile.
 *
 * Where there is no qemu-io the image is looked at and not held; where there is no /proc/locks
 * either (QEMU takes no locks there) nothing is done.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";

const LOCKS = "/proc/locks";
const LOCK_LINE = /OFDLCK .* ([0-9a-f]+):([0-9a-f]+):(\d+) (\d+) \d+$/;
const FIRST_LOCK_BYTE = 100;
const LAST_LOCK_BYTE = 299;

export interface ImageLock {
  release(): Promise<void>;
}

/** Major and minor number, as the kernel and its C library pack them into one. */
function splitDevice(device: bigint): [number, number] {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return [Number(major), Number(minor)];
}

/** Whether one of these lines of /proc/locks is QEMU's, on the file with this device and number. */
export function isLockedIn(locks: string, device: bigint, inode: bigint): boolean {
  const [major, minor] = splitDevice(device);
  return locks.split("\n").some((line) => {
    const [, lineMajor = "", lineMinor = "", lineInode = "", from = ""] =
      LOCK_LINE.exec(line) ?? [];
    const isFile =
      lineInode === String(inode) &&
      parseInt(lineMajor, 16) === major &&
      parseInt(lineMinor, 16) === minor;
    return isFile && Number(from) >= FIRST_LOCK_BYTE && Number(from) <= LAST_LOCK_BYTE;
  });
}

/** Whether qemu-io has opened the image; throws when it has failed. False when there is none. */
async function holds(child: ChildProcess): Promise<boolean> {
  let errors = "";
  child.stderr?.on("data", (text) => (errors += text));
  const isMissing = once(child, "error").then(() => false);
  const hasAnswered = once(child.stdout!, "data").then(() => true);
  const hasEnded = once(child, "close").then(() => {
    throw new Error(errors.trim());
  });
  // Whichever comes later is nothing to tell
  hasEnded.catch(() => {});
  return Promise.race([isMissing, hasAnswered, hasEnded]);
}

/** Opens the image as QEMU does; throws when somebody else has, with what qemu-io says. */
export async function lockImage(path: string, isReadOnly: boolean): Promise<ImageLock> {
  const { dev, ino } = statSync(path, { bigint: true });
  if (existsSync(LOCKS) && isLockedIn(readFileSync(LOCKS, "utf8"), dev, ino)) {
    throw new Error("somebody has it open and locked, QEMU or another tsblk-disk");
  }
  const args = ["-f", "raw", ...(isReadOnly ? ["-r"] : []), resolve(path)];
  const child = spawn("qemu-io", args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => {}); // it is gone, which is told elsewhere
  child.stdin.write("length\n");
  if (!(await holds(child))) return { release: async () => {} };
  return {
    release: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "close");
    },
  };
}
