/**
 * Every transcript on the device model: both transports, requests done at once or by another
 * thread.
 */
import { test } from "node:test";
import { Machine, PROMPT } from "./machine/machine.js";
import type { DiskOptions } from "./machine/options.js";
import { F, type Version } from "./machine/spec.js";
import {
  type DiskSpec,
  type Subject,
  type Transcript,
  allTranscripts,
  play,
} from "./transcript.js";

/** What QEMU offers, so that the same transcript says the same on both. */
const FEATURES = [
  F.SEG_MAX,
  F.GEOMETRY,
  F.BLK_SIZE,
  F.FLUSH,
  F.TOPOLOGY,
  F.CONFIG_WCE,
  F.DISCARD,
  F.WRITE_ZEROES,
  F.INDIRECT_DESC,
  F.EVENT_IDX,
];

const RANGE_SECTORS_MAX = 0x3fffff;
const SECTOR_BYTES = 512;

class ModelSubject implements Subject {
  private readonly machine: Machine;

  constructor(transcript: Transcript, version: Version, mode: "immediate" | "deferred") {
    const slots = transcript.disks.map((disk) => diskOptions(disk, version));
    this.machine = new Machine({ slots, mode, bootArgs: transcript.bootArgs });
    transcript.disks.forEach((disk, i) => {
      for (const [sector, text] of disk.contents) this.machine.disk(i).store.place(sector, text);
    });
  }

  async boot(): Promise<string> {
    return this.machine.boot().replaceAll("\r", "");
  }

  async type(input: Buffer): Promise<string> {
    const output = this.machine.type(Buffer.concat([input, Buffer.of(13)])).replaceAll("\r", "");
    const end = output.endsWith(PROMPT) ? output.length - PROMPT.length : output.length;
    return output.slice(output.indexOf("\n") + 1, end);
  }

  async stop(): Promise<number | null> {
    return this.machine.end?.kind === "powerOff" ? this.machine.end.code : null;
  }

  sector(disk: number, sector: number): Buffer {
    return Buffer.from(this.machine.disk(disk).store.read(sector, 1));
  }
}

function diskOptions(disk: DiskSpec, version: Version): DiskOptions {
  return {
    version,
    sectorCount: disk.sectors,
    blkSize: disk.blockBytes,
    isReadOnly: disk.readOnly,
    features: FEATURES,
    queueSizeMax: 1024,
    limits: {
      segMax: 254,
      maxDiscardSectors: RANGE_SECTORS_MAX,
      discardSectorAlignment: disk.blockBytes / SECTOR_BYTES,
      maxWriteZeroesSectors: RANGE_SECTORS_MAX,
    },
  };
}

for (const version of [1, 2] as const) {
  for (const mode of ["immediate", "deferred"] as const) {
    for (const transcript of allTranscripts()) {
      test(`model, version ${version}, ${mode}: ${transcript.title}`, () =>
        play(transcript, new ModelSubject(transcript, version, mode)));
    }
  }
}
