/**
 * Disks that QEMU opens by URL, against a real qemu-nbd: what is written is in the server's image,
 * and a server that goes away in mid-run costs an error and not the machine.
 *
 * The options are those that scripts/qemu.sh gives by itself.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { makeFolder, makeImage } from "./qemu/images.js";
import { NbdServer } from "./qemu/nbd_server.js";
import { PROMPT, type QemuMachine } from "./qemu/qemu.js";
import { VERSIONS, bootWith, expectImage, numbered, place } from "./qemu/session.js";

const SECTORS = 16384;
const IO_ERROR = /device reported an I\/O error/;
/** QEMU tries to connect again after 1, 2, 4, 8 and then every 16 s. */
const RECONNECT_MS = 20_000;

/** Resets until a read goes well. */
async function resetUntilBack(machine: QemuMachine): Promise<void> {
  const deadline = Date.now() + RECONNECT_MS;
  let text = "";
  while (Date.now() < deadline) {
    assert.equal(await machine.command("reset"), "vda has been reset\n");
    text = await machine.command("dd read 1");
    if (!IO_ERROR.test(text)) return;
    await delay(200);
  }
  assert.fail(`the server is back, and yet: ${text}`);
}

for (const where of ["onLoopback", "onSocket"] as const) {
  test(`nbd: what is written is in the image of the server, ${where}`, async (t) => {
    const folder = makeFolder(t);
    const content = numbered(SECTORS);
    const image = makeImage(folder, "a.img", content);
    const server = await NbdServer[where](t, image, folder);
    const machine = await bootWith(t, "modern", [server.url]);
    assert.match(await machine.command("dd read 300"), /^vda sector 300: 2c 01 00 00 aa aa/);
    await machine.command("dd write 7 first; dd write 16383 last");
    await machine.confirm("fill 0x55 100 2000");
    await machine.command("flush");
    await server.kill();
    place(content, 7, "first");
    place(content, SECTORS - 1, "last");
    content.fill(0x55, 100 * 512, 2100 * 512);
    expectImage(image, content);
  });
}

for (const transport of VERSIONS) {
  test(`nbd: a server that is back in time is not missed, ${transport}`, async (t) => {
    const folder = makeFolder(t);
    const image = makeImage(folder, "a.img", SECTORS * 512);
    const server = await NbdServer.onLoopback(t, image);
    const machine = await bootWith(t, transport, [server.url]);
    await server.kill();
    machine.send("dd write 3 patience\r");
    await delay(300);
    await server.start();
    const text = await machine.waitFor(PROMPT);
    assert.match(text, /vda sector 3: wrote 8 bytes/);
    assert.doesNotMatch(text, IO_ERROR);
  });

  test(`nbd: a server killed in mid-run is an error, until it is back, ${transport}`, async (t) => {
    const folder = makeFolder(t);
    const image = makeImage(folder, "a.img", SECTORS * 512);
    const server = await NbdServer.onLoopback(t, image);
    const machine = await bootWith(t, transport, [server.url]);
    machine.send("blkperf --random --write --seconds 60\r");
    await delay(300);
    await server.kill();
    assert.match(await machine.waitFor(PROMPT), IO_ERROR);
    assert.match(await machine.command("dd read 5"), /^dd: read at sector 5 on vda: device/);
    assert.match(await machine.command("flush"), /^flush: flush of vda: device reported an I\/O/);
    assert.match(await machine.command("blkdevs"), /vda/);
    await server.start();
    await resetUntilBack(machine);
    assert.match(await machine.command("dd write 9 again; dd read 9"), /\|again/);
    machine.send("poweroff\r");
    assert.equal(await machine.exit(), 0);
  });
}
