/*
 * Everything that knows wasm3: parses the module, pins its linear memory, links the imports,
 * compiles all of it, and calls its exports. It refuses a module whose memory is imported, may grow
 * or does not fit, one of another ABI version, and one that lacks an export or has it with another
 * signature.
 *
 * wasm3 would allocate linear memory itself, and move it. It does neither when it finds the memory
 * already there with the size it wants, so the header that precedes linear memory is put at the end
 * of a page and handed over before the module is loaded. memory_pin does the rest for a module that
 * tries to shrink it.
 *
 *     | page ......... M3MemoryHeader | offset 0 of linear memory, page aligned ...
 */
#include "inflate.h"
#include "memlayout.h"
#include "memory.h"
#include "module_check.h"
#include "panic.h"
#include "print.h"
#include "wasm_host.h"

#include <m3_env.h>
#include <string.h>

#define ABI_VERSION     1
#define WASM_PAGE_BYTES 65536

/*
 * This wasm3 checks the stack of WASM values on entry to a function, after the arguments have been
 * written, so the limit it is told lies this many slots below the real one: more than arguments and
 * results of one call can take.
 */
#define WASM_STACK_MARGIN_SLOTS 1024

#define FRAMES_PRINTED_MAX 32

/* Length and CRC32C, before the stream. */
#define MODULE_HEAD_BYTES 8

extern const uint8_t module_compressed[];
extern const uint8_t module_compressed_end[];

static IM3Runtime wasm_runtime;
static IM3Function wasm_start;
static IM3Function wasm_step;
static IM3Function wasm_receive;

static _Noreturn void wasm_refuse(const char *what, const char *why) {
    panic_begin();
    print_text("module: ");
    print_text(what);
    print_text(": ");
    print_text(why);
    panic_end();
}

static void wasm_check(const char *what, M3Result result) {
    if (result != m3Err_none) {
        wasm_refuse(what, result);
    }
}

/* wasm3 says "[trap] unreachable executed"; an import says what it has to say without that. */
static const char *trap_text(const char *text) {
    static const char mark[] = "[trap] ";
    bool is_marked = strlen(text) >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0;
    return is_marked ? text + sizeof mark - 1 : text;
}

/* The next frame of a WASM function at or after `frame`: those of imports have no function. */
static IM3BacktraceFrame frame_with_function(IM3BacktraceFrame frame) {
    while (frame != NULL && frame->function == NULL) {
        frame = frame->next;
    }
    return frame;
}

static void wasm_print_backtrace(IM3BacktraceFrame frame) {
    for (unsigned printed = 0; frame != NULL; frame = frame_with_function(frame->next), printed++) {
        if (printed == FRAMES_PRINTED_MAX) {
            print_text("\r\n  ...");
            return;
        }
        print_text("\r\n  at ");
        print_text(m3_GetFunctionName(frame->function));
        print_text(" (wasm ");
        print_hex(frame->moduleOffset, 1);
        print_text(")");
    }
}

static _Noreturn void wasm_report_trap(M3Result trap) {
    IM3BacktraceFrame frame = frame_with_function(m3_GetBacktrace(wasm_runtime)->frames);
    if (trap != host_trap_panicked) {
        panic_begin();
        print_text("wasm trap: ");
        print_text(trap_text(trap));
        print_text(" in ");
        print_text(frame == NULL ? "an unknown function" : m3_GetFunctionName(frame->function));
    }
    wasm_print_backtrace(frame);
    panic_end();
}

/* Returns what the function returns, 0 when it returns nothing. `argument` counts only if it takes
 * one. */
static int32_t wasm_call(IM3Function function, uint32_t argument) {
    int32_t value = 0;
    M3Result trap = m3_CallV(function, argument);
    if (trap != m3Err_none) {
        wasm_report_trap(trap);
    }
    if (m3_GetRetCount(function) != 0) {
        wasm_check("result", m3_GetResultsV(function, &value));
    }
    return value;
}

static IM3Function wasm_find(const char *name, uint32_t argument_count, uint32_t result_count) {
    IM3Function function;
    wasm_check(name, m3_FindFunction(&function, wasm_runtime, name));
    if (m3_GetArgCount(function) != argument_count || m3_GetRetCount(function) != result_count ||
        (argument_count != 0 && m3_GetArgType(function, 0) != c_m3Type_i32) ||
        (result_count != 0 && m3_GetRetType(function, 0) != c_m3Type_i32)) {
        wasm_refuse(name, "function signature mismatch");
    }
    return function;
}

static void wasm_pin_memory(IM3Module module, uint64_t memory_start, uint64_t memory_end) {
    uint64_t length_bytes = (uint64_t)module->memoryInfo.initPages * WASM_PAGE_BYTES;
    if (module->memoryImported || length_bytes == 0 ||
        module->memoryInfo.initPages != module->memoryInfo.maxPages) {
        wasm_refuse("memory", "must be its own and of one fixed size");
    }
    if (memory_start + length_bytes > memory_end) {
        wasm_refuse("memory", "does not fit the RAM of this machine");
    }
    M3MemoryHeader *header = (M3MemoryHeader *)memory_start - 1;
    memset(header, 0, sizeof *header + length_bytes);
    wasm_runtime->memory.mallocated = header;
    wasm_runtime->memory.numPages = module->memoryInfo.initPages;
    memory_pin(header);
}

/* Expands the module below `memory_end`, which it moves down. Returns where the module is. */
static const uint8_t *wasm_expand_module(uint64_t *memory_end, uint32_t *length_bytes) {
    const uint8_t *stream = module_compressed + MODULE_HEAD_BYTES;
    memcpy(length_bytes, module_compressed, sizeof *length_bytes);
    if (*length_bytes > MODULE_BYTES_MAX) {
        wasm_refuse("module", "too long");
    }
    *memory_end = (*memory_end - *length_bytes) / PAGE_BYTES * PAGE_BYTES;
    uint8_t *bytes = (uint8_t *)*memory_end;
    wasm_check("module",
               inflate(stream, (size_t)(module_compressed_end - stream), bytes, *length_bytes));
    module_check_hash(bytes, *length_bytes);
    module_check(bytes, *length_bytes);
    return bytes;
}

void wasm_host_load(uint64_t memory_start, uint64_t memory_end, struct host_grant *grant) {
    IM3Module module;
    uint32_t module_bytes;
    const uint8_t *bytes = wasm_expand_module(&memory_end, &module_bytes);
    IM3Environment environment = m3_NewEnvironment();
    uint32_t stack_bytes = WASM_STACK_BYTES + WASM_STACK_MARGIN_SLOTS * sizeof(m3slot_t);
    if (environment == NULL) {
        panic("module: no room for the interpreter");
    }
    wasm_check("format", m3_ParseModule(environment, &module, bytes, module_bytes));
    wasm_runtime = m3_NewRuntime(environment, stack_bytes, NULL);
    if (wasm_runtime == NULL) {
        panic("module: no room for the interpreter");
    }
    wasm_runtime->numStackSlots -= WASM_STACK_MARGIN_SLOTS;
    wasm_pin_memory(module, memory_start, memory_end);
    grant->dma_base = memory_start;
    wasm_check("load", m3_LoadModule(wasm_runtime, module));
    wasm_check("imports", host_imports_link(module, grant));
    wasm_check("code", m3_CompileModule(module));
    wasm_start = wasm_find("start", 0, 1);
    wasm_step = wasm_find("step", 0, 1);
    wasm_receive = wasm_find("receive", 1, 0);
    if (wasm_call(wasm_find("abiVersion", 0, 1), 0) != ABI_VERSION) {
        wasm_refuse("abiVersion", "another version than the kernel's");
    }
}

int32_t wasm_host_start(void) {
    return wasm_call(wasm_start, 0);
}

int32_t wasm_host_step(void) {
    return wasm_call(wasm_step, 0);
}

void wasm_host_receive(uint8_t byte) {
    wasm_call(wasm_receive, byte);
}
