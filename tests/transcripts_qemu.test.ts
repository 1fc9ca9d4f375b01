/**
 * Every transcript in QEMU: both transports, and with counted instructions. Disks are image files
 * on the host.
 */
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { makeFolder, makeImage } from "./qemu/images.js";
import { type QemuDisk, QemuMachine, type QemuOptions } from "./qemu/qemu.js";
import {
  type DiskSpec,
  type Subject,
  type Transcript,
  allTranscripts,
  play,
} from "./transcript.js";

const SECTOR_BYTES = 512;

class QemuSubject implements Subject {
  private readonly machine: QemuMachine;
  private readonly paths: string[];
  private readonly hasBootArgs: boolean;
  /** Lines that are followed by a prompt; the one after them, if any, ends the machine. */
  private linesLeft: number;
  private status: number | null = null;

  constructor(t: TestContext, transcript: Transcript, options: QemuOptions) {
    const folder = makeFolder(t);
    this.paths = transcript.disks.map((disk, i) => makeDisk(folder, `${i}.img`, disk));
    const disks = transcript.disks.map((disk, i) => qemuDisk(disk, this.paths[i]!));
    this.hasBootArgs = transcript.bootArgs !== "";
    this.linesLeft = transcript.exchanges.length - (transcript.status === null ? 0 : 1);
    const cmd = this.hasBootArgs ? { cmd: transcript.bootArgs } : {};
    this.machine = new QemuMachine(t, { ...options, ...cmd, disks });
  }

  async boot(): Promise<string> {
    if (!this.hasBootArgs) return this.machine.boot();
    this.status = await this.machine.exit();
    return this.machine.log;
  }

  async type(input: Buffer): Promise<string> {
    if (this.linesLeft-- > 0) return this.machine.command(input);
    const before = this.machine.log.length;
    this.machine.send(Buffer.concat([input, Buffer.of(13)]));
    this.status = await this.machine.exit();
    const output = this.machine.log.slice(before);
    return output.slice(output.indexOf("\n") + 1);
  }

  async stop(): Promise<number | null> {
    await this.machine.kill();
    return this.status;
  }

  sector(disk: number, sector: number): Buffer {
    const image = readFileSync(this.paths[disk]!);
    return image.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  }
}

function makeDisk(folder: string, name: string, disk: DiskSpec): string {
  const image = Buffer.alloc(disk.sectors * SECTOR_BYTES);
  for (const [sector, content] of disk.contents) content.copy(image, sector * SECTOR_BYTES);
  return makeImage(folder, name, image);
}

function qemuDisk(disk: DiskSpec, path: string): QemuDisk {
  return {
    path,
    ...(disk.readOnly ? { drive: "readonly=on" } : {}),
    device: `logical_block_size=${disk.blockBytes},physical_block_size=${disk.blockBytes}`,
  };
}

const RUNS: readonly [string, QemuOptions][] = [
  ["modern", { transport: "modern" }],
  ["legacy", { transport: "legacy" }],
  ["legacy, counting instructions", { transport: "legacy", icount: "shift=1,sleep=on" }],
];

for (const [name, options] of RUNS) {
  for (const transcript of allTranscripts()) {
    test(`qemu, ${name}: ${transcript.title}`, (t) =>
      play(transcript, new QemuSubject(t, transcript, options)));
  }
}
