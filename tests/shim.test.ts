/**
 * The shim: its C library, allocator and device tree reader on the host under sanitizers, the check
 * of wasm3's object code, and kernels with modules that break rules, booted in QEMU.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { type ZlibOptions, constants, deflateRawSync } from "node:zlib";
import {
  FAULT_NAMES,
  deepModule,
  faultArgument,
  faultModule,
  moduleWith,
} from "./shim/fault_module.js";
import { makeKernel } from "./qemu/kernels.js";
import { atNestingLimit, recursionAfterLoops, recursionInLoops } from "./shim/hostile_modules.js";
import { nestedElse } from "./shim/refused_modules.js";
import { OP } from "./shim/wasm_bytes.js";
import { checkOps, disassemble } from "../scripts/check_object.js";

const FOLDER = "build/tests/shim";
/** More than the farthest distance of a repetition. */
const INFLATED_BYTES = 40_000;
/** Stored, fixed and dynamic blocks, with and without repetitions. */
const COMPRESSIONS: ZlibOptions[] = [
  { level: 0 },
  { level: 9 },
  { level: 9, strategy: constants.Z_FIXED },
  { level: 9, strategy: constants.Z_RLE },
  { level: 9, strategy: constants.Z_HUFFMAN_ONLY },
];
const TIMEOUT_MS = 60_000;
const PANIC_STATUS = 70;

interface Result {
  status: number | null;
  output: string;
}

/** Runs a command to its end. Nothing of the make that may have started this test reaches it. */
function run(command: string, ...args: string[]): Result {
  const { MAKEFLAGS: _flags, MAKEOVERRIDES: _overrides, MFLAGS: _mflags, ...env } = process.env;
  const options = { encoding: "utf8", env, timeout: TIMEOUT_MS } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  return { status, output: `${stdout}${stderr}${error ?? ""}` };
}

function runWell(command: string, ...args: string[]): string {
  const { status, output } = run(command, ...args);
  assert.equal(status, 0, `${command} ${args.join(" ")}\n${output}`);
  return output;
}

const cross = (tool: string): string => {
  const prefixes = ["riscv64-unknown-elf-", "riscv64-linux-gnu-", "riscv64-elf-"];
  const prefix =
    process.env.CROSS ?? prefixes.find((each) => run(`${each}gcc`, "--version").status === 0);
  return `${prefix ?? ""}${tool}`;
};

function buildKernel(name: string, module: Uint8Array): string {
  copyFileSync(makeKernel(`${FOLDER}/kernel`, module), `${FOLDER}/${name}.elf`);
  return `${FOLDER}/${name}.elf`;
}

const DISK = [
  "-drive",
  "file=null-co://,if=none,id=d,format=raw",
  "-device",
  "virtio-blk-device,drive=d",
];
const MACHINE = ["-bios", "none", "-m", "64M", "-nographic", "-monitor", "none", "-no-reboot"];

function boot(kernel: string, append: string, ...more: string[]): Result {
  const args = ["-M", "virt", ...MACHINE, "-kernel", kernel, "-append", append, ...more];
  return run("qemu-system-riscv64", ...args);
}

function assertPanic(result: Result, ...lines: RegExp[]): void {
  for (const line of lines) assert.match(result.output, line);
  assert.equal(result.status, PANIC_STATUS, result.output);
}

before(() => mkdirSync(FOLDER, { recursive: true }));

describe("shim: host tests under the address and undefined-behaviour sanitizers", () => {
  const SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  const FLAGS = [
    "-std=c11",
    "-g",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fno-builtin",
    ...["-isystem", "node_modules/wasm3/cpp"],
    ...SANITIZE,
  ];

  function buildHostTest(name: string): string {
    const program = `${FOLDER}/${name}`;
    runWell("cc", ...FLAGS, "-U_FORTIFY_SOURCE", "-o", program, `tests/shim/${name}.c`);
    return program;
  }

  test("libc: memory functions do what byte loops do at any alignment and overlap", () => {
    runWell(buildHostTest("libc_test"));
  });

  test("memory: allocations never overlap, freed ones join, bad pointers are refused", () => {
    runWell(buildHostTest("memory_test"));
  });

  test("shadow ring: what passes is what a model says may pass, each rule is kept", () => {
    runWell(buildHostTest("shadow_ring_test"));
  });

  test("guard: a reset that takes its time is waited for, and nothing lands later", () => {
    runWell(buildHostTest("guard_reset_test"));
  });

  test("inflate: zlib's streams are expanded, and no damaged one leads out of bounds", () => {
    const original = readFileSync("build/driver.wasm").subarray(0, INFLATED_BYTES);
    writeFileSync(`${FOLDER}/original`, original);
    const streams = COMPRESSIONS.map((options, index) => {
      writeFileSync(`${FOLDER}/stream${index}`, deflateRawSync(original, options));
      return `${FOLDER}/stream${index}`;
    });
    runWell(buildHostTest("inflate_test"), `${FOLDER}/original`, ...streams);
  });

  test("fdt: each rule of the format is kept, in trees made by hand", () => {
    runWell(buildHostTest("fdt_rules_test"));
  });

  test("fdt: a real tree is read right, and no cut or changed one is read past its end", () => {
    const tree = `${FOLDER}/virt.dtb`;
    writeFileSync(`${FOLDER}/empty`, "");
    const machine = ["-M", `virt,dumpdtb=${tree}`, "-m", "96M", "-nographic", "-bios", "none"];
    runWell("qemu-system-riscv64", ...machine, "-kernel", "/bin/sh", "-append", "one; two");
    const output = runWell(buildHostTest("fdt_test"), tree);
    assert.match(output, /^memory=0x80000000\+0x6000000$/m);
    assert.match(output, /^uart=0x10000000\+0x100$/m);
    assert.match(output, /^clint=0x2000000\+0x10000$/m);
    assert.match(output, /^plic=0xc000000\+0x600000$/m);
    assert.match(output, /^finisher=0x100000\+0x1000$/m);
    assert.match(output, /^uart_irq=10\ntimebase_hz=10000000\nboot_args=one; two$/m);
    const windows = [...output.matchAll(/^window=(0x[0-9a-f]+)/gm)].map(([, base]) => Number(base));
    assert.deepEqual(
      windows,
      [8, 7, 6, 5, 4, 3, 2, 1].map((slot) => 0x10000000 + slot * 0x1000),
    );
    const irqs = [...output.matchAll(/^window_irq=(\d+)$/gm)].map(([, irq]) => Number(irq));
    assert.deepEqual(irqs.sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe("shim: the check of wasm3's object code", () => {
  const OBJECT = `${FOLDER}/m3_compile.o`;

  /** Compiles m3_compile.c as kernel.mk does, with one thing changed, and in less time. */
  function compile(extra: string, change = (command: string) => command): string[] {
    const variables = [`BUILD=${FOLDER}/check`, "MODULE=none", "Q=", "TOOLS="];
    const target = `${FOLDER}/check/wasm3/m3_compile.o`;
    mkdirSync(`${FOLDER}/check/wasm3`, { recursive: true });
    const plan = runWell("make", "-n", "-B", "-f", "shim/kernel.mk", ...variables, target);
    const command = plan.split("\n").find((line) => line.includes("m3_compile.c"));
    assert(command !== undefined, plan);
    const changed = change(command.replace(`-o ${target}`, `-o ${OBJECT}`));
    const flags = `-O1 -foptimize-sibling-calls ${extra} -MF /dev/null`;
    runWell("sh", "-c", `${changed} ${flags}`);
    return checkOps(disassemble(cross("objdump"), OBJECT));
  }

  test("check_object: the object of the kernel passes", () => {
    const ops = disassemble(cross("objdump"), "build/wasm3/m3_compile.o");
    assert.deepEqual(checkOps(ops), []);
  });

  test("check_object: gcc's default tuning is refused, its loads and stores are byte loops", () => {
    const faults = compile("", (command) =>
      command.replace("-mtune=thead-c906 -mno-strict-align", ""),
    );
    assert(
      faults.some((fault) => /op_i32_Load_u16_\w: moves 16 bits in bytes/.test(fault)),
      faults.join("\n"),
    );
  });

  test("check_object: memory functions that are no builtins are refused, as calls", () => {
    const faults = compile("-fno-builtin", (command) =>
      command.replace("-include shim/wasm_frame.h", ""),
    );
    assert(
      faults.some((fault) => /op_i32_Load_i32_\w: makes a call/.test(fault)),
      faults.join("\n"),
    );
  });

  test("check_object: ops that call the next op are refused", () => {
    const faults = compile("-fno-optimize-sibling-calls");
    assert(faults.includes("op_i32_Add_rs: does not jump to the next op"), faults.join("\n"));
  });

  test("check_object: an object without wasm3's ops is refused", () => {
    assert.deepEqual(checkOps(""), ["only 0 loads and stores of 45 found: not wasm3's ops?"]);
  });
});

describe("shim: a module that always fails ends in a panic that names each cause", () => {
  let kernel = "";
  before(async () => {
    kernel = buildKernel("fault", await faultModule());
  });

  const GIVEN_UP = "TSBLK: panic: the driver has failed 6 times in 10 s:";

  /** Trap text, by fault. */
  const TRAPS: Record<string, string> = {
    outOfBounds: "out of bounds memory access",
    lastByteToo: "out of bounds memory access",
    unreachable: "unreachable executed",
    divideByZero: "integer divide by zero",
    recursion: "stack overflow",
    loopRecursion: "stack overflow",
    noWindow: "mmioRead32: no such window",
    noWindowLength: "windowLength: no such window",
    pastWindow: "mmioRead32: outside the window",
    acrossWindowEnd: "mmioWrite32: outside the window",
    farPastWindow: "mmioRead8: outside the window",
    misalignedRead: "mmioRead16: misaligned offset",
    misalignedWrite: "mmioWrite16: misaligned offset",
    textPastMemory: "consoleWrite: outside linear memory",
    textWraps: "consoleWrite: outside linear memory",
    argumentsPastMemory: "bootArgs: outside linear memory",
    panicPastMemory: "panic: outside linear memory",
    exitStatus: "powerOff: exit status above 255",
  };

  for (const [fault, text] of Object.entries(TRAPS)) {
    test(`wasm trap: ${fault} prints "${text}", the function and a backtrace`, () => {
      const cause = `  ${text} in ${fault} \\(wasm 0x[0-9a-f]+\\)\r\n`;
      const head = new RegExp(`^${GIVEN_UP}\r\n(?:${cause}){6}`, "m");
      const frame = new RegExp(`^ {2}at ${fault} \\(wasm 0x[0-9a-f]+\\)\r$`, "m");
      assertPanic(boot(kernel, faultArgument(fault)), head, frame);
    });
  }

  test("wasm trap: the backtrace goes up to the export that was called", () => {
    const frames =
      / {2}at unreachable \(wasm 0x[0-9a-f]+\)\r\n {2}at start \(wasm 0x[0-9a-f]+\)\r\n/;
    assertPanic(boot(kernel, faultArgument("unreachable")), frames);
  });

  test("wasm trap: the offset of a frame is that of the instruction in the module", async () => {
    const { output } = boot(kernel, faultArgument("unreachable"));
    const [, offset] = / {2}at unreachable \(wasm (0x[0-9a-f]+)\)/.exec(output) ?? [];
    assert.equal((await faultModule())[Number(offset)], 0x00);
  });

  test("wasm trap: arguments beyond the end of the stack are a stack overflow", () => {
    assertPanic(
      boot(kernel, faultArgument("wideRecursion")),
      /^ {2}stack overflow in wide \(wasm 0x[0-9a-f]+\)\r$/m,
    );
  });

  test("panic: the module's own panic prints its message, line and backtrace", () => {
    const cause = /^ {2}hello world:42\r\n {2}at panicked \(wasm 0x[0-9a-f]+\)\r$/m;
    assertPanic(boot(kernel, faultArgument("panicked")), cause);
  });

  test("panic: a negative result of start is printed", () => {
    assertPanic(boot(kernel, faultArgument("negative")), /^ {2}start returned -7\r$/m);
  });

  test("host: imports work, memory has its size, the exit status is given", () => {
    const { status, output } = boot(kernel, faultArgument("works"), ...DISK);
    assert.deepEqual({ status, output: output.trim() }, { status: 23, output: "hello world" });
  });

  test("host: other harts sleep, and the first one boots all the same", () => {
    assert.equal(boot(kernel, faultArgument("works"), "-smp", "4").status, 23);
  });

  test("host: the fault module tries every fault it has", () => {
    const tried = [...Object.keys(TRAPS), "wideRecursion", "panicked", "negative", "works"];
    assert.deepEqual(tried.sort(), [...FAULT_NAMES].sort());
  });

  test("boot: too little RAM is a panic", () => {
    assertPanic(boot(kernel, "", "-m", "4M"), /^TSBLK: panic: not enough RAM for the kernel\r$/m);
  });

  test("boot: boot arguments that do not fit are a panic", () => {
    const panic = /^TSBLK: panic: boot arguments longer than 4096 bytes\r$/m;
    assertPanic(boot(kernel, "x".repeat(5000)), panic);
  });

  /** Boots with the device of this `reg` at 0x0d000000, where nothing is, in the device tree. */
  function bootWithout(reg: string): Result {
    const tree = `${FOLDER}/wrong.dtb`;
    const machine = ["-M", `virt,dumpdtb=${tree}`, ...MACHINE, "-kernel", kernel];
    runWell("qemu-system-riscv64", ...machine);
    const bytes = readFileSync(tree);
    const place = bytes.indexOf(Buffer.from(reg, "hex"));
    assert(place > 0);
    bytes.writeUInt32BE(0x0d000000, place + 4);
    writeFileSync(tree, bytes);
    return boot(kernel, "", "-dtb", tree);
  }

  test("c trap: cause, pc, address and all registers are printed", () => {
    const result = bootWithout("000000000c0000000000000000600000");
    const head = /^TSBLK: panic: store access fault at pc 0x800[0-9a-f]+ address 0x0d000020\r$/m;
    const registers = /^ zero 0x0{16} +ra 0x[0-9a-f]{16} +sp 0x[0-9a-f]{16} +gp 0x[0-9a-f]{16}\r$/m;
    assertPanic(result, head, registers, /^ +t3 0x[0-9a-f]{16} .* t6 0x[0-9a-f]{16}\r$/m);
  });

  test("c trap: a wrong console address is reported on the fall-back console", () => {
    const result = bootWithout("00000000100000000000000000000100");
    assertPanic(
      result,
      /^TSBLK: panic: store access fault at pc 0x800[0-9a-f]+ address 0x0d000001\r$/m,
    );
  });
});

describe("shim: a module that cannot be trusted to run is not loaded", () => {
  const GROWS = { memory: `(memory (export "memory") 2 3)` };
  const UNBOUNDED = { memory: `(memory (export "memory") 2)` };
  const HUGE = { memory: `(memory (export "memory") 4096 4096)` };
  const OTHER_ABI = { abiVersion: `(func (export "abiVersion") (result i32) (i32.const 2))` };
  const NO_STEP = { step: "" };
  const WIDE_STEP = { step: `(func (export "step") (result i64) (i64.const 0))` };
  const FAILING_STEP = { step: `(func (export "step") (result i32) (i32.const -5))` };
  const UNKNOWN = `(import "host" "openDoor" (func))`;
  const MISFIT = `(import "host" "fence" (func (param i32)))`;
  const FOREIGN_MEMORY = `(import "host" "memory" (memory 2 2))`;

  const CASES: [string, () => Promise<Uint8Array>, RegExp][] = [
    [
      "growing memory",
      () => moduleWith(GROWS),
      /module: memory must be its own and of one fixed size at byte 0x/,
    ],
    [
      "unbounded memory",
      () => moduleWith(UNBOUNDED),
      /module: memory must be its own and of one fixed size at byte 0x/,
    ],
    [
      "imported memory",
      () => moduleWith({ memory: "" }, FOREIGN_MEMORY),
      /module: imports something else than a function at byte 0x/,
    ],
    ["memory beyond the RAM", () => moduleWith(HUGE), /module: memory: does not fit the RAM/],
    ["another ABI version", () => moduleWith(OTHER_ABI), /module: abiVersion: another version/],
    ["a missing export", () => moduleWith(NO_STEP), /module: step: function lookup failed/],
    [
      "an export of another type",
      () => moduleWith(WIDE_STEP),
      /module: step: function signature mismatch/,
    ],
    [
      "an import of another type",
      () => moduleWith({}, MISFIT),
      /module: imports: function signature mismatch/,
    ],
    [
      "an unknown import",
      () => moduleWith(callsUnknown(), UNKNOWN),
      /module: code: missing imported function/,
    ],
    [
      "not WASM at all",
      () => Promise.resolve(Buffer.from("not a module")),
      /module: not a WebAssembly module at byte 0x0\r$/m,
    ],
    ["a step that fails", () => moduleWith(FAILING_STEP), /^ {2}step returned -5\r$/m],
  ];

  for (const [what, build, message] of CASES) {
    test(`load: ${what} is a panic`, async () => {
      assertPanic(boot(buildKernel("refused", await build()), ""), message);
    });
  }

  /** Boots a kernel whose compressed module, head included, has the bit at `offset` flipped. */
  async function bootDamaged(offset: number): Promise<Result> {
    const kernel = readFileSync(buildKernel("damaged", await moduleWith({})));
    const module = readFileSync(`${FOLDER}/kernel/shim/module.deflate`);
    const place = kernel.indexOf(module);
    assert(place > 0 && offset < module.length);
    kernel.writeUInt8(kernel.readUInt8(place + offset) ^ 1, place + offset);
    writeFileSync(`${FOLDER}/damaged.elf`, kernel);
    return boot(`${FOLDER}/damaged.elf`, "");
  }

  const DAMAGES: [string, number, RegExp][] = [
    ["its length", 0, /^TSBLK: panic: module: [^\r]+\r$/m],
    [
      "its hash",
      4,
      /^TSBLK: panic: module: damaged: CRC32C 0x[0-9a-f]+ instead of 0x[0-9a-f]+\r$/m,
    ],
    ["a byte of it", 20, /^TSBLK: panic: module: [^\r]+\r$/m],
  ];
  for (const [what, offset, message] of DAMAGES) {
    test(`load: a module with damage to ${what} is a panic`, async () => {
      assertPanic(await bootDamaged(offset), message);
    });
  }

  const WITHIN_LIMITS: [string, Uint8Array, RegExp][] = [
    ["200 blocks inside each other are compiled", atNestingLimit(OP.block), /start returned -7/],
    ["200 conditions inside each other are compiled", atNestingLimit(OP.if), /start returned -7/],
    ["115 else inside each other fill the heap", nestedElse(115, -7), /start returned -7/],
    [
      "128 loops at each of many calls are a trap",
      recursionInLoops(128),
      /stack overflow in start/,
    ],
    [
      "128 loops before each of many calls are a trap",
      recursionAfterLoops(128),
      /stack overflow in/,
    ],
  ];
  for (const [what, module, message] of WITHIN_LIMITS) {
    test(`stack: ${what}`, () => {
      assertPanic(boot(buildKernel("limit", module), ""), message);
    });
  }

  test("load: blocks nested so deep that compilation would overrun the stack are a panic", () => {
    assertPanic(
      boot(buildKernel("deep", deepModule(5000)), ""),
      /^TSBLK: panic: module: blocks nested too deep at byte 0x[0-9a-f]+\r$/m,
    );
  });
});

const callsUnknown = () => ({
  start: `(func (export "start") (result i32) (call 0) (i32.const 0))`,
});
