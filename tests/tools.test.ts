/**
 * The tools: set-up, the QEMU command line, validation of the module, trap locations and the
 * checks. Each check is shown a small sample that it must catch; the samples are on no disk.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import wabt from "wabt";
import { checkExports } from "../scripts/check_exports.js";
import { checkFormat } from "../scripts/check_format.js";
import { checkFunctions } from "../scripts/check_functions.js";
import { checkLayers } from "../scripts/check_layers.js";
import { checkTidy } from "../scripts/check_tidy.js";
import { diffSurface, findViolations, readSurface } from "../scripts/module_rules.js";
import { moduleText } from "../scripts/module_text.js";
import type { Complaint } from "../scripts/source_files.js";
import { makeFolder, makeImage, type TestScope } from "./qemu/images.js";

interface Outcome {
  status: number | null;
  out: string;
  errors: string;
}

/** Runs a command with this environment and nothing else but the PATH, which `env` may replace. */
function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}, cwd = "."): Outcome {
  const PATH = process.env["PATH"];
  const result = spawnSync(command, args, { env: { PATH, ...env }, cwd, encoding: "utf8" });
  return { status: result.status, out: result.stdout, errors: result.stderr };
}

function writeProgram(path: string, body: string): void {
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

const ALL_TOOLS = [
  "qemu-system-riscv64",
  "qemu-img",
  "qemu-nbd",
  "qemu-io",
  "riscv64-unknown-elf-gcc",
  "riscv64-linux-gnu-gcc",
  "gcc",
];

/** A machine made of stubs: the only programs on its PATH. */
class StubMachine {
  readonly folder: string;
  private readonly log: string;

  /** `tools` are there from the start; with `apt`, apt-get adds all others. */
  constructor(
    t: TestScope,
    options: { tools: string[]; user?: "root" | "sudo" | "none"; apt?: string },
  ) {
    this.folder = resolve(makeFolder(t));
    this.log = join(this.folder, "log.txt");
    writeFileSync(this.log, "");
    symlinkSync("/usr/bin/env", join(this.folder, "env"));
    symlinkSync("/bin/cat", join(this.folder, "cat"));
    this.add("node", "echo v20.1.0");
    for (const tool of ["npm", "true", ...options.tools]) this.add(tool, ":");
    this.add("id", `echo ${options.user === "root" ? 0 : 1000}`);
    if (options.user !== "root") this.addSudo(options.user === "sudo");
    if (options.apt !== undefined) this.addApt(options.apt);
  }

  add(name: string, body: string): void {
    writeProgram(join(this.folder, name), body);
  }

  private addSudo(works: boolean): void {
    this.add("sudo", works ? `echo "sudo $*" >>${this.log}; shift; exec "$@"` : "exit 1");
  }

  /** apt-get notes its arguments; `install` brings every tool, unless `kind` is "broken". */
  private addApt(kind: string): void {
    const install = ALL_TOOLS.map((tool) => `/bin/cp ${this.folder}/npm ${this.folder}/${tool}`);
    const body =
      kind === "broken" ? "exit 100" : `case "$*" in *install*) ${install.join(";")};; esac`;
    this.add("apt-get", `echo "apt-get $*" >>${this.log}\n${body}`);
    this.add("apt-cache", kind === "new" ? ":" : "exit 100");
  }

  setup(purpose: string, env: NodeJS.ProcessEnv = {}): Outcome & { log: string } {
    const outcome = run("/bin/sh", ["scripts/setup.sh", purpose], { PATH: this.folder, ...env });
    return { ...outcome, log: readFileSync(this.log, "utf8") };
  }
}

const CROSS_LINES =
  /Debian, Ubuntu: .*apt-get.*\n.*Fedora: .*dnf.*\n.*Arch: .*pacman.*\n.*macOS: .*brew/;

describe("setup", () => {
  for (const purpose of ["run", "test"]) {
    test(`setup: ${purpose} says and does nothing when nothing is missing`, (t) => {
      const machine = new StubMachine(t, { tools: ALL_TOOLS, user: "root", apt: "old" });
      const outcome = machine.setup(purpose);
      assert.deepEqual(outcome, { status: 0, out: "", errors: "", log: "" });
    });
  }

  test("setup: root installs with apt, after an update and without recommended packages", (t) => {
    const machine = new StubMachine(t, { tools: [], user: "root", apt: "old" });
    const { status, log } = machine.setup("run");
    assert.equal(status, 0);
    assert.equal(
      log,
      "apt-get -qq update\napt-get -qq -y --no-install-recommends install" +
        " gcc-riscv64-unknown-elf qemu-system-misc qemu-utils\n",
    );
  });

  test("setup: where RISC-V has a QEMU package of its own, that one is taken", (t) => {
    const machine = new StubMachine(t, { tools: ["riscv64-elf-gcc"], user: "root", apt: "new" });
    const { status, log } = machine.setup("run");
    assert.equal(status, 0);
    assert.match(log, /install qemu-system-riscv qemu-utils\n/);
  });

  test("setup: test adds the second and the native compiler", (t) => {
    const machine = new StubMachine(t, { tools: [], user: "root", apt: "old" });
    const { log } = machine.setup("test");
    assert.match(log, /install .*gcc libc6-dev gcc-riscv64-linux-gnu\n/);
  });

  test("setup: a user with sudo and no password installs through it", (t) => {
    const machine = new StubMachine(t, { tools: [], user: "sudo", apt: "old" });
    const { status, log } = machine.setup("run");
    assert.equal(status, 0);
    assert.match(log, /sudo -n env DEBIAN_FRONTEND=noninteractive apt-get .* install /);
  });

  test("setup: without passwordless sudo it stops and prints what to type", (t) => {
    const machine = new StubMachine(t, { tools: [], user: "none", apt: "old" });
    const { status, errors, log } = machine.setup("run");
    assert.equal(status, 1);
    assert.match(errors, CROSS_LINES);
    assert.equal(log, "");
  });

  test("setup: without apt it stops and prints what to type", (t) => {
    const machine = new StubMachine(t, { tools: ["qemu-img"], user: "root" });
    const { status, errors } = machine.setup("run");
    assert.equal(status, 1);
    assert.match(errors, CROSS_LINES);
    assert.doesNotMatch(errors, /qemu-img|qemu-utils/);
  });

  test("setup: when apt fails it stops and prints what to type", (t) => {
    const machine = new StubMachine(t, { tools: [], user: "root", apt: "broken" });
    const { status, errors } = machine.setup("run");
    assert.equal(status, 1);
    assert.match(errors, CROSS_LINES);
  });

  test("setup: a second compiler that cannot be installed does not stop the tests", (t) => {
    const tools = ALL_TOOLS.filter((tool) => tool !== "riscv64-linux-gnu-gcc");
    const { status, errors } = new StubMachine(t, { tools, user: "none" }).setup("test");
    assert.equal(status, 0);
    assert.match(errors, /going on without gcc-riscv64-linux-gnu/);
  });

  for (const prefix of ["riscv64-unknown-elf-", "riscv64-linux-gnu-", "riscv64-elf-"]) {
    test(`setup: ${prefix}gcc alone is compiler enough to run`, (t) => {
      const tools = ["qemu-system-riscv64", "qemu-img", `${prefix}gcc`];
      const { status, errors } = new StubMachine(t, { tools, user: "none" }).setup("run");
      assert.deepEqual([status, errors], [0, ""]);
    });
  }

  test("setup: CROSS that names a compiler is enough", (t) => {
    const tools = [...ALL_TOOLS.filter((tool) => !tool.startsWith("riscv64")), "my-gcc"];
    const machine = new StubMachine(t, { tools, user: "none" });
    assert.equal(machine.setup("test", { CROSS: "my-" }).status, 0);
  });

  test("setup: CROSS that names no compiler is said so", (t) => {
    const machine = new StubMachine(t, { tools: ALL_TOOLS, user: "root", apt: "old" });
    const { status, errors, log } = machine.setup("run", { CROSS: "my-" });
    assert.equal(status, 1);
    assert.match(errors, /CROSS=my-: there is no my-gcc/);
    assert.equal(log, "");
  });

  test("setup: an old Node is refused with the version it has", (t) => {
    const machine = new StubMachine(t, { tools: ALL_TOOLS, user: "root" });
    machine.add("node", "echo v18.19.0");
    const { status, errors } = machine.setup("run");
    assert.equal(status, 1);
    assert.match(errors, /Node 20 or newer .*found: v18\.19\.0/);
  });
});

/** The command line that qemu.sh would run. */
function qemu(args: string[], env: NodeJS.ProcessEnv = {}): Outcome {
  return run("scripts/qemu.sh", ["-n", ...args], env);
}

describe("qemu.sh", () => {
  test("qemu.sh: the transport is modern unless TRANSPORT says legacy", () => {
    assert.match(qemu([]).out, /virtio-mmio\.force-legacy=false/);
    assert.match(qemu([], { TRANSPORT: "legacy" }).out, /virtio-mmio\.force-legacy=true/);
  });

  test("qemu.sh: an unknown TRANSPORT is refused", () => {
    const { status, errors } = qemu([], { TRANSPORT: "pci" });
    assert.equal(status, 2);
    assert.match(errors, /TRANSPORT=pci is not known/);
  });

  test("qemu.sh: disks keep their order, options go to their own disk", (t) => {
    const folder = makeFolder(t);
    const a = makeImage(folder, "a.img", 512);
    const b = makeImage(folder, "b.img", 512);
    const { out } = qemu(["--drive", "readonly=on", a, "--device", "num-queues=1", b]);
    assert.match(
      out,
      new RegExp(
        `id=disk0,format=raw,file=\\./${a},readonly=on -device virtio-blk-device,drive=disk0 ` +
          `-drive if=none,id=disk1,format=raw,file=\\./${b} ` +
          `-device virtio-blk-device,drive=disk1,num-queues=1\n`,
      ),
    );
  });

  test("qemu.sh: a path may have spaces, commas and colons", (t) => {
    const path = makeImage(makeFolder(t), "json: a,readonly=on.img", 512);
    assert.match(qemu([path]).out, /'if=none,.*file=\.\/.*json: a,,readonly=on\.img'/);
    assert.match(qemu([], { DISK: path }).out, /json: a,,readonly=on\.img'/);
  });

  test("qemu.sh: DISK is a list, and none is no disk", (t) => {
    const folder = makeFolder(t);
    const images = ["a", "b"].map((name) => makeImage(folder, name, 512));
    assert.match(qemu([], { DISK: images.join(" ") }).out, /disk1,format=raw,file=\S+b /);
    assert.doesNotMatch(qemu([], { DISK: "none" }).out, /-drive/);
  });

  test("qemu.sh: boot arguments stay one argument, QEMU_ARGS come last", () => {
    const { out } = qemu([], {
      CMD: "dd read 1; echo 'x'",
      QEMU_ARGS: "-d guest_errors",
      DISK: "none",
    });
    assert.match(out, /-append 'dd read 1; echo '\\''x'\\'''.* -d guest_errors\n$/);
  });

  test("qemu.sh: the format follows the name of each image", (t) => {
    const folder = makeFolder(t);
    const images = ["a.img", "b.qcow2"].map((name) => makeImage(folder, name, 512));
    const { out } = qemu([], { DISK: images.join(" ") });
    assert.match(out, /format=raw,file=\S+a\.img .*format=qcow2,file=\S+b\.qcow2 /);
  });

  test("qemu.sh: FORMAT is that of all images but those with one of their own", (t) => {
    const image = makeImage(makeFolder(t), "a.img", 700);
    assert.match(qemu([image], { FORMAT: "qcow2" }).out, /format=qcow2,file=/);
    const own = qemu(["--drive", "format=vmdk,cache=none", image], { FORMAT: "qcow2" });
    assert.match(own.out, /format=vmdk,file=/);
    assert.match(qemu([], { FORMAT: "raw,x" }).errors, /FORMAT=raw,x is not known/);
  });

  test("qemu.sh: a qcow2 image is taken for a raw one only when that is said", (t) => {
    const content = Buffer.alloc(512);
    content.write("QFI\xfb", "latin1");
    const image = makeImage(makeFolder(t), "a.img", content);
    const { status, errors } = qemu([image]);
    assert.equal(status, 2);
    assert.match(errors, /a\.img is a qcow2 image: say FORMAT=qcow2, or FORMAT=raw/);
    assert.match(qemu([image], { FORMAT: "raw" }).out, /format=raw/);
    assert.match(qemu(["--drive", "format=raw", image]).out, /format=raw/);
  });

  const urls: [string, string][] = [
    ["nbd://host:1234/export", "format=raw,file=nbd://host:1234/export,file.reconnect-delay=4 "],
    [
      "nbd+unix:///?socket=/tmp/s",
      "format=raw,file=nbd+unix:///?socket=/tmp/s,file.reconnect-delay=4' ",
    ],
    ["rbd:pool/image:id=a,b", "format=raw,file=rbd:pool/image:id=a,,b "],
    ["iscsi://10.0.0.1/iqn.2001-04.com.example/1", "iscsi://10.0.0.1/iqn.2001-04.com.example/1 "],
    ["https://host/a.qcow2", "format=qcow2,file=https://host/a.qcow2 "],
  ];
  for (const [url, expected] of urls) {
    test(`qemu.sh: ${url} goes to QEMU as it is`, () => {
      const { status, out } = qemu([], { DISK: `${url} nbd://b` });
      assert.equal(status, 0);
      assert.ok(out.includes(expected), out);
      assert.match(out, /disk1,format=raw,file=nbd:\/\/b,/);
    });
  }

  test("qemu.sh: a file whose name looks like a URL is that file", (t) => {
    const folder = resolve(makeFolder(t));
    makeImage(folder, "rbd:a", 512);
    const { out } = run(resolve("scripts/qemu.sh"), ["-n", "rbd:a"], {}, folder);
    assert.match(out, /format=raw,file=\.\/rbd:a /);
  });

  const refusals: [string, (folder: string) => string, RegExp][] = [
    ["that does not exist", (folder) => join(folder, "no.img"), /no\.img does not exist/],
    ["that is a directory", (folder) => folder, /is a directory/],
    ["that is empty", (folder) => makeImage(folder, "e.img", 0), /e\.img is empty \(0 bytes\)/],
    [
      "of 700 bytes",
      (folder) => makeImage(folder, "odd.img", 700),
      /odd\.img has 700 bytes, not a whole number of 512-byte sectors/,
    ],
  ];
  for (const [name, make, message] of refusals) {
    test(`qemu.sh: an image ${name} is refused before QEMU starts`, (t) => {
      const path = make(makeFolder(t));
      const { status, out, errors } = run("scripts/qemu.sh", [path], {
        QEMU: "echo",
        KERNEL: "LICENSE",
      });
      assert.deepEqual([status, out], [2, ""]);
      assert.match(errors, message);
      assert.equal(errors.trim().split("\n").length, 1);
    });
  }

  test("qemu.sh: without DISK an image of 32 MiB is made once and kept", (t) => {
    const folder = makeFolder(t);
    const script = resolve("scripts/qemu.sh");
    const env = { QEMU: "true", KERNEL: script };
    run(script, ["-n"], env, folder);
    assert.throws(() => statSync(join(folder, "build/disk.img")));
    assert.equal(run(script, [], env, folder).status, 0);
    const disk = join(folder, "build/disk.img");
    assert.equal(statSync(disk).size, 32 << 20);
    writeFileSync(disk, "x".repeat(512));
    run(script, [], env, folder);
    assert.equal(readFileSync(disk, "latin1"), "x".repeat(512));
  });
});

describe("run", () => {
  /** A QEMU that prints to its console and ends with `status`, and the log that it keeps. */
  function stubQemu(folder: string, status: number, shows = "vda: x"): Record<string, string> {
    const qemu = resolve(folder, "qemu");
    const log = join(folder, "uart.log");
    writeFileSync(log, "of an earlier run");
    writeProgram(qemu, `printf '%b' '${shows}' | tee ${log}; exit ${status}`);
    return { QEMU: qemu, DISK: "none", LOG: log, KERNEL: "LICENSE" };
  }

  test("run.sh: prints the command line and how to leave, and ends with QEMU's status", (t) => {
    const folder = makeFolder(t);
    const { status, out } = run("scripts/run.sh", [], stubQemu(folder, 7));
    assert.equal(status, 7);
    assert.match(out, /qemu -M virt .*\nLeave with Ctrl-A x.*tsblk: QEMU ended with status 7\n$/s);
  });

  for (const UNTIL of ["", "TSBLK: ready"]) {
    test(`run.sh: a QEMU that does not start is 125, UNTIL=${UNTIL}`, (t) => {
      const { status, out } = run("scripts/run.sh", [], {
        ...stubQemu(makeFolder(t), 1, ""),
        UNTIL,
      });
      assert.equal(status, 125);
      assert.match(out, /tsblk: QEMU did not start\n$/);
    });
  }

  /** What QEMU shows, its status, UNTIL, and the status and the last line that follow. */
  const watched: [string, number, string, number, RegExp][] = [
    ["a\\nTSBLK: ready\\n", 0, "TSBLK: ready", 0, /"TSBLK: ready" has come/],
    ["tsblk> ", 0, "tsblk> ", 0, /"tsblk> " has come/],
    ["ok 1\\nnot ok 2 - x\\nend\\n", 0, "end", 1, /failed: not ok 2 - x/],
    ["SELFTEST: disk fail: no answer\\n", 0, "end", 1, /failed: SELFTEST: disk fail: no answer/],
    ["Bail out! no disk\\n", 0, "", 1, /failed: Bail out! no disk/],
    ["TSBLK: panic: x\\n", 70, "end", 1, /failed: TSBLK: panic: x/],
    ["TSBLK: panic: x\\n", 70, "panic", 0, /"panic" has come/],
    ["this is not ok\\n", 0, "end", 1, /QEMU ended with status 0 before "end" came/],
    ["x\\n", 5, "end", 5, /QEMU ended with status 5 before "end" came/],
    ["x\\n", 5, "", 5, /QEMU ended with status 5/],
    ["SELFTEST: disk ok\\n", 0, "", 0, /SELFTEST: disk ok/],
  ];
  for (const [shows, qemuStatus, UNTIL, expected, last] of watched) {
    test(`run.sh: '${shows}', QEMU's ${qemuStatus} and UNTIL=${UNTIL}: ${expected}`, (t) => {
      const env = { ...stubQemu(makeFolder(t), qemuStatus, shows), UNTIL, TIMEOUT: "20" };
      const { status, out } = run("scripts/run.sh", [], env);
      assert.equal(status, expected, out);
      assert.match(out.trimEnd().split("\n").at(-1)!, last);
    });
  }

  test("run.sh: UNTIL ends a QEMU that would go on, also one that ignores the request", (t) => {
    const env = stubQemu(makeFolder(t), 0);
    for (const body of ["echo ready; exec sleep 60", "trap '' TERM; echo ready; exec sleep 60"]) {
      writeProgram(env["QEMU"]!, body);
      const start = Date.now();
      assert.equal(run("scripts/run.sh", [], { ...env, UNTIL: "ready" }).status, 0);
      assert.ok(Date.now() - start < 20_000);
    }
  });

  test("run.sh: 124 when the time is up, 1 when a failure came before", (t) => {
    const env = Object.assign(stubQemu(makeFolder(t), 0), { UNTIL: "ready", TIMEOUT: "0.5" });
    writeProgram(env["QEMU"]!, "echo not yet; exec sleep 60");
    const late = run("scripts/run.sh", [], env);
    assert.equal(late.status, 124);
    assert.match(late.out, /tsblk: no "ready" after 0\.5 s\n$/);
    writeProgram(env["QEMU"]!, `echo not ok 1 | tee ${env["LOG"]}; exec sleep 60`);
    assert.equal(run("scripts/run.sh", [], env).status, 1);
  });

  test("run.sh: a TIMEOUT that is no number of seconds is refused", (t) => {
    for (const TIMEOUT of ["x", "0", "-1", "5s", "1e9"]) {
      const { status, errors } = run("scripts/run.sh", [], {
        ...stubQemu(makeFolder(t), 0),
        TIMEOUT,
      });
      assert.equal(status, 2);
      assert.ok(errors.includes(`TIMEOUT=${TIMEOUT} is no number of seconds`), errors);
    }
  });

  for (const status of [0, 1, 2, 70, 124, 125]) {
    test(`make run: ends with ${status} when QEMU does`, (t) => {
      assert.equal(run("make", ["run"], stubQemu(makeFolder(t), status)).status, status);
    });
  }

  for (const [qemuStatus, makeStatus] of [
    [0, 0],
    [1, 1],
    [70, 2],
  ] as const) {
    test(`make run: without a compiler ${qemuStatus} becomes ${makeStatus}`, (t) => {
      const env = stubQemu(makeFolder(t), qemuStatus);
      assert.equal(run("make", ["run", "HOST_CC="], env).status, makeStatus);
    });
  }

  test("make run: all options reach QEMU", (t) => {
    const env = stubQemu(makeFolder(t), 0);
    const options = ["MEM=96M", "ICOUNT=shift=3", "QEMU_ARGS=-d int", "UNTIL=$(x) ready"];
    const more = ["TIMEOUT=9", "FORMAT=qcow2", "DISK=nbd://a"];
    const { out } = run("make", ["run", ...options, ...more], env);
    for (const word of ["-m 96M ", "-icount shift=3 ", "format=qcow2,file=nbd://a", " -d int\n"]) {
      assert.ok(out.includes(word), out);
    }
    assert.match(out, /before "\$\(x\) ready" came/);
  });

  test("make: the default target lists the targets", () => {
    const { out } = run("make", []);
    for (const target of ["run", "test", "build", "debug", "check", "fmt", "clean"]) {
      assert.match(out, new RegExp(`make ${target} `));
    }
  });
});

/** The text of a module as the validation sees it. */
async function wat(source: string): Promise<string> {
  const module = (await wabt()).parseWat("sample.wat", source);
  module.resolveNames();
  return moduleText(module.toBinary({ write_debug_names: true }).buffer);
}

const FIXED_MEMORY = "(memory 2 2)";

describe("module", () => {
  test("module: integers, a fixed memory and active data are accepted", async () => {
    const data = '(data (i32.const 8) "f32 memory.grow (start")';
    const text = await wat(
      `(module ${FIXED_MEMORY} ${data} (func $f32.add (result i32) i32.const 1))`,
    );
    assert.deepEqual(findViolations(text), []);
  });

  const samples: [string, string, RegExp][] = [
    ["a floating-point instruction", "(func $f f32.const 1 drop)", /floating point in \$f/],
    ["a floating-point type", "(func $f (param f64))", /floating point/],
    ["a conversion to floating point", "(func i32.const 1 f64.convert_i32_s drop)", /floating/],
    ["memory.grow", "(func $f i32.const 1 memory.grow drop)", /memory\.grow in \$f/],
    ["the allocator", "(func $~lib/rt/stub/__alloc)", /runtime allocator/],
    ["a start function", "(func $f) (start $f)", /start function/],
    ["passive data", '(data "x")', /passive data/],
  ];
  for (const [name, body, message] of samples) {
    test(`module: ${name} is refused`, async () => {
      assert.match(findViolations(await wat(`(module ${FIXED_MEMORY} ${body})`)).join(), message);
    });
  }

  for (const memory of ["(memory 2)", "(memory 2 3)"]) {
    test(`module: ${memory}, which can grow, is refused`, async () => {
      assert.match(findViolations(await wat(`(module ${memory})`)).join(), /memory without/);
    });
  }

  test("module: a feature that wasm3 lacks is not valid", async () => {
    const source = "(module (func (result v128) v128.const i32x4 0 0 0 0))";
    await assert.rejects(async () => {
      const module = (await wabt()).parseWat("sample.wat", source, { simd: true });
      return moduleText(module.toBinary({}).buffer);
    }, /simd|v128|Invalid|failed/);
  });

  test("module: the surface lists imports and exports with their types", async () => {
    const text = await wat(`(module
      (import "host" "clockNs" (func $clock (result i64)))
      (func $sum (param i32 i64) (result i32) i32.const 0)
      ${FIXED_MEMORY} (export "sum" (func $sum)) (export "memory" (memory 0)))`);
    assert.deepEqual(readSurface(text), [
      "export func sum (i32 i64) -> (i32)",
      "export memory memory 2 2",
      "import func host.clockNs () -> (i64)",
    ]);
  });

  test("module: a surface that differs is shown as a diff", () => {
    assert.deepEqual(diffSurface(["same", "old"], ["new", "same"]), ["- old", "+ new"]);
  });

  test("module: the tool ends with 1 for a module with another surface", async (t) => {
    const path = join(makeFolder(t), "sample.wasm");
    const module = (await wabt()).parseWat("sample.wat", `(module ${FIXED_MEMORY})`);
    writeFileSync(path, module.toBinary({}).buffer);
    const { status, errors } = run("node", ["build/node/scripts/validate_module.js", path]);
    assert.equal(status, 1);
    assert.match(errors, /- export func step /);
  });
});

const HEADER = "/** A sample that says what it does. */\n";

function only(complaints: Complaint[]): string[] {
  return complaints.map(({ path, line, what }) => `${path}:${line}: ${what}`);
}

/** The complaints about one file with this text. */
function tidy(path: string, text: string): string[] {
  return only(checkTidy([{ path, text }]));
}

describe("check: layers", () => {
  function layers(path: string, text: string): string[] {
    return only(checkLayers([{ path, text }]));
  }

  test("check: an import downwards is fine, and so is one within the folder", () => {
    const text = 'import { a } from "../virtio/queue";\nimport { b } from "./layout";\n';
    assert.deepEqual(layers("driver/blk/device.ts", text), []);
  });

  const samples: [string, string, string, RegExp][] = [
    ["upwards", "driver/virtio/queue.ts", "../blk/device", /:1: level 3 imports .*level 4/],
    ["between folders of one level", "driver/gguf/a.ts", "../statefs/b", /level 6 .*level 6/],
    ["out of the driver", "driver/blk/a.ts", "../../tests/machine/a", /outside driver/],
    ["of a package", "driver/blk/a.ts", "node:fs", /outside driver/],
    ["of a folder without a level", "driver/blk/a.ts", "../misc/a", /has no level/],
    ["of a concrete transport", "driver/blk/a.ts", "../virtio/mmio_modern", /concrete transport/],
    ["of registers from blk up", "driver/blk/a.ts", "../virtio/mmio", /sees registers/],
    ["of the queue from io up", "driver/io/a.ts", "../virtio/queue", /sees descriptors/],
  ];
  for (const [name, path, target, message] of samples) {
    test(`check: an import ${name} is caught`, () => {
      assert.match(layers(path, `import { a } from "${target}";\n`).join(), message);
    });
  }

  test("check: main.ts may name a concrete transport", () => {
    assert.deepEqual(layers("driver/main.ts", 'import { A } from "./virtio/mmio_modern";\n'), []);
  });

  test("check: a file without a level is caught", () => {
    assert.match(layers("driver/misc/a.ts", "").join(), /has no level/);
  });

  test("check: a host import outside host.ts is caught", () => {
    assert.match(layers("driver/dma.ts", "\ndeclare function f(): void;\n").join(), /dma\.ts:2/);
  });

  test("check: a device model that imports from the driver is caught", () => {
    const text = 'import { A } from "../../driver/virtio/layout.js";\n';
    assert.match(layers("tests/machine/blk.ts", text).join(), /device model imports/);
  });
});

describe("check: tidy", () => {
  test("check: a tidy file is fine", () => {
    assert.deepEqual(tidy("driver/a.ts", `${HEADER}// A sentence; then another one.\nf();\n`), []);
  });

  const lines: [string, string, RegExp][] = [
    ["a line of 101 columns", `const a = "${"x".repeat(88)}";`, /:2: more than 100 columns/],
    ["a tab", "\tf();", /:2: tab/],
    ["a trailing space", "f(); ", /:2: trailing space/],
    ["a carriage return", "f();\r", /:2: carriage return/],
    ["a leftover word", `// ${"TO" + "DO"}: more`, /:2: leftover word/],
    ["a call that is commented out", "// queue.reset(3);", /:2: commented-out code/],
    ["a declaration that is commented out", "// const a = 3;", /:2: commented-out code/],
    ["a path of a machine", `f("/${"ho" + "me"}/someone/a");`, /:2: path of a machine/],
    ["a registry host", `f("https://${"regis" + "try"}.npmjs.org/a");`, /:2: registry host/],
  ];
  for (const [name, line, message] of lines) {
    test(`check: ${name} is caught`, () => {
      assert.match(tidy("driver/a.ts", `${HEADER}${line}\n`).join(), message);
    });
  }

  const files: [string, string, string, RegExp][] = [
    ["without a header", "driver/a.ts", "f();\n", /no header comment/],
    ["of C without a header", "shim/a.c", "#include <a.h>\n", /no header comment/],
    ["of shell without a header", "scripts/a.sh", "#!/bin/sh\nset -eu\n", /no header comment/],
    ["without a last newline", "driver/a.ts", `${HEADER}f();`, /no newline/],
    ["with a name in camel case", "driver/aB.ts", HEADER, /not snake_case/],
    ["of 401 lines", "driver/a.ts", HEADER + "f();\n".repeat(400), /401 lines/],
  ];
  for (const [name, path, text, message] of files) {
    test(`check: a file ${name} is caught`, () => {
      assert.match(tidy(path, text).join(), message);
    });
  }

  test("check: a long test, a tab in a Makefile and a prompt in a transcript are fine", () => {
    assert.deepEqual(tidy("tests/a.test.ts", HEADER + "f();\n".repeat(400)), []);
    assert.deepEqual(tidy("Makefile", "# A sample that says what it does.\na:\n\tb\n"), []);
    assert.deepEqual(tidy("tests/transcripts/a.txt", "tsblk> \n"), []);
  });
});

describe("check: functions", () => {
  function shapes(path: string, text: string): string[] {
    return only(checkFunctions([{ path, text }]));
  }
  const nest = (depth: number): string => "if (a) {\n".repeat(depth) + "}\n".repeat(depth);
  const nestC = (depth: number): string =>
    Array.from({ length: depth }, (_, i) => `${"    ".repeat(i + 1)}if (a) {\n`).join("");

  test("check: functions at the limits are fine", () => {
    const body = "f();\n".repeat(58);
    assert.deepEqual(shapes("a.ts", `function g(a, b, c, d, e) {\n${body}}\n${nest(3)}`), []);
    assert.deepEqual(shapes("a.c", `int g(int a, int b)\n{\n${"f();\n".repeat(57)}}\n`), []);
    assert.deepEqual(shapes("a.c", `void g(void) {\n${nestC(3)}}\n`), []);
  });

  test("check: an else-if chain is not nesting", () => {
    assert.deepEqual(
      shapes("a.ts", "if (a) {\n} else if (b) {\n}".repeat(1) + " else if (c) {\n}".repeat(5)),
      [],
    );
  });

  const body = "    f();\n".repeat(59);
  const samples: [string, string, string, RegExp][] = [
    ["of 61 lines", "a.ts", `function g() {\n${body}}\n`, /a\.ts:1: g has 61 lines/],
    ["of 61 lines of C", "a.c", `int g(void) {\n${body}}\n`, /a\.c:1: g has 61 lines/],
    ["with 6 parameters", "a.ts", "const g = (a, b, c, d, e, f) => 0;\n", /6 parameters/],
    [
      "of C with 6 parameters",
      "a.c",
      "static int g(int a, int b, int c,\n             int (*d)(int, int), int e, int f) {\n}\n",
      /a\.c:1: g has 6 parameters/,
    ],
    ["that nests four deep", "a.ts", `function g() {\n${nest(4)}}\n`, /a\.ts:5: nested deeper/],
    ["of C that nests four deep", "a.c", `void g(void) {\n${nestC(4)}}\n`, /a\.c:5: nested/],
  ];
  for (const [name, path, text, message] of samples) {
    test(`check: a function ${name} is caught`, () => {
      assert.match(shapes(path, text).join(), message);
    });
  }

  test("check: a describe block may be long", () => {
    assert.deepEqual(shapes("a.ts", `describe("a", () => {\n${body}${body}});\n`), []);
  });
});

describe("check: exports and format", () => {
  test("check: an export that nobody imports is caught, the exports of main.ts are not", () => {
    const complaints = checkExports([
      { path: "driver/main.ts", text: 'import { a } from "./dma";\nexport function start() {}\n' },
      { path: "driver/dma.ts", text: "export const a = 1;\nexport const b = 2;\n" },
    ]);
    assert.deepEqual(only(complaints), ["driver/dma.ts:2: exports b, which nobody imports"]);
  });

  test("check: the abort function of asconfig.json is not dead", () => {
    const files = [
      { path: "asconfig.json", text: '{"use": ["abort=driver/util/abort/abort"]}' },
      { path: "driver/util/abort.ts", text: "export function abort(): void {}\n" },
    ];
    assert.deepEqual(checkExports(files), []);
  });

  const styles = {
    prettier: { printWidth: 100 },
    clang: readFileSync("shim/.clang-format", "utf8"),
  };
  const samples: [string, string, string, string][] = [
    ["TypeScript", "a.ts", "const a = 1;\nconst b = 2;\n", "const a = 1;\nconst b=2\n"],
    ["JSON", "a.json", '{ "a": 1 }\n', '{"a":1}\n'],
    ["C", "a.c", "int f(int *a) {\n    return 0;\n}\n", "int f(int* a)\n{\n  return 0;\n}\n"],
  ];
  for (const [name, path, good, bad] of samples) {
    test(`check: ${name} that is not formatted is caught, formatted ${name} is not`, async () => {
      assert.deepEqual(await checkFormat([{ path, text: good }], styles), []);
      const [complaint] = await checkFormat([{ path, text: bad }], styles);
      assert.match(complaint?.what ?? "", /make fmt/);
    });
  }

  test("check: a file that does not parse is caught", async () => {
    const [complaint] = await checkFormat([{ path: "a.ts", text: "const = ;\n" }], styles);
    assert.match(complaint?.what ?? "", /^format: .*Syntax/);
  });
});
