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
#include "canary.h"
#include "crc32c.h"
#include "deadline.h"
#include "inflate.h"
#include "line_table.h"
#include "memlayout.h"
#include "memory.h"
#include "module_check.h"
#include "panic.h"
#include "print.h"
#include "wasm_host.h"

#include <m3_env.h>
#include <stdbool.h>
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

extern const uint8_t module_compressed[];
extern const uint8_t module_compressed_end[];
extern const uint8_t lines_compressed[];
extern const uint8_t lines_compressed_end[];

/* In wasm3's m3_core.c, and in none of its headers. */
uint32_t FindModuleOffset(IM3Runtime runtime, pc_t pc);

static uint64_t wasm_memory; /* offset 0 of linear memory */
static uint64_t wasm_memory_bytes;
static uint64_t wasm_free_end; /* of the RAM behind it that nothing lies in */

static struct {
    struct memory_image heap;
    void *data;
    uint64_t data_bytes;
} wasm_image;

static struct line_bytes wasm_lines; /* the line table; empty when the module has none */

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

/* File and line where the line table knows them, else the offset; a module has a line table or
 * names of functions. */
static void text_add_place(struct text *text, IM3Function function, uint32_t module_offset) {
    IM3Module module = wasm_start->module;
    size_t module_bytes = (size_t)(module->wasmEnd - module->wasmStart);
    struct line_bytes bytes = {module->wasmStart, module_bytes};
    struct line_place place;
    if (line_table_find(wasm_lines, bytes, module_offset, &place)) {
        text_add(text, place.file);
        text_add(text, ":");
        text_add_decimal(text, place.line);
        return;
    }
    if (function == NULL) {
        text_add(text, "an unknown function");
    } else {
        bool has_names = wasm_lines.length == 0;
        text_add(text, has_names ? m3_GetFunctionName(function) : "the compiler's own code");
    }
    text_add(text, " (wasm ");
    text_add_hex(text, module_offset);
    text_add(text, ")");
}

/* The next frame of a WASM function at or after `frame`: those of imports have no function. */
static IM3BacktraceFrame frame_with_function(IM3BacktraceFrame frame) {
    while (frame != NULL && frame->function == NULL) {
        frame = frame->next;
    }
    return frame;
}

void wasm_host_print_backtrace(void) {
    IM3BacktraceFrame frame = frame_with_function(m3_GetBacktrace(wasm_runtime)->frames);
    for (unsigned printed = 0; frame != NULL; frame = frame_with_function(frame->next), printed++) {
        if (printed == FRAMES_PRINTED_MAX) {
            print_text("\r\n  ...");
            return;
        }
        struct text line = {0};
        print_text("\r\n  at ");
        text_add_place(&line, frame->function, frame->moduleOffset);
        text_print(&line);
    }
}

/* The function whose code in the module has the byte at `module_offset`, or NULL. */
static IM3Function wasm_function_at(uint32_t module_offset) {
    IM3Module module = wasm_start->module;
    bytes_t place = module->wasmStart + module_offset;
    for (uint32_t i = 0; i < module->numFunctions; i++) {
        IM3Function function = &module->functions[i];
        if (function->wasm != NULL && place >= function->wasm && place < function->wasmEnd) {
            return function;
        }
    }
    return NULL;
}

static void wasm_describe_delay(struct text *cause) {
#if TSBLK_DEBUG
    if (deadline_is_chaos()) {
        text_add(cause, "stopped at random");
        return;
    }
#endif
    text_add(cause, "no return within ");
    text_add_decimal(cause, deadline_milliseconds());
    text_add(cause, " ms");
}

/*
 * A call that was abandoned has left no backtrace. But the pc of wasm3, one behind the op, is a0
 * when an op begins, and in a saved register while an op calls something. The op that calls an
 * import, whose caller's pc is on the stack, is never abandoned: linker/virt.ld.
 */
static void wasm_describe_stop(struct text *cause) {
    static const uint8_t candidates[] = {10, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
    const uint64_t *registers = deadline_stopped_registers();
    IM3Function function = NULL;
    uint32_t module_offset = 0;
    for (size_t i = 0; i < sizeof candidates && function == NULL; i++) {
        module_offset = FindModuleOffset(wasm_runtime, (pc_t)registers[candidates[i]] - 1);
        function = wasm_function_at(module_offset);
    }
    wasm_describe_delay(cause);
    text_add(cause, " in ");
    text_add_place(cause, function, module_offset);
}

static void wasm_describe_trap(struct text *cause, M3Result trap) {
    IM3BacktraceFrame frame = frame_with_function(m3_GetBacktrace(wasm_runtime)->frames);
    if (trap == host_trap_panicked) {
        const struct text *message = host_imports_panic_message();
        text_add_bytes(cause, message->bytes, message->length);
    } else {
        bool is_late = trap == m3Err_trapStackOverflow && deadline_is_over();
        if (is_late) {
            wasm_describe_delay(cause);
        } else {
            text_add(cause, trap_text(trap));
        }
        text_add(cause, " in ");
        text_add_place(cause, frame == NULL ? NULL : frame->function,
                       frame == NULL ? 0 : frame->moduleOffset);
    }
}

struct wasm_call {
    IM3Function function;
    uint32_t argument; /* counts only if the function takes one */
    M3Result trap;
};

static void wasm_run(void *context) {
    struct wasm_call *call = context;
    call->trap = m3_CallV(call->function, call->argument);
}

/* Gives what the function returns, 0 when it returns nothing. False when it did not return; then
 * `cause` says why. */
static bool wasm_call(IM3Function function, uint32_t argument, int32_t *result,
                      struct text *cause) {
    struct wasm_call call = {function, argument, m3Err_none};
    *result = 0;
    if (!deadline_run(wasm_run, &call)) {
        wasm_describe_stop(cause);
        return false;
    }
    if (call.trap != m3Err_none) {
        wasm_describe_trap(cause, call.trap);
        return false;
    }
    if (m3_GetRetCount(function) != 0) {
        wasm_check("result", m3_GetResultsV(function, result));
    }
    return true;
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

static void wasm_pin_memory(IM3Module module) {
    uint64_t length_bytes = (uint64_t)module->memoryInfo.initPages * WASM_PAGE_BYTES;
    if (module->memoryImported || length_bytes == 0 ||
        module->memoryInfo.initPages != module->memoryInfo.maxPages) {
        wasm_refuse("memory", "must be its own and of one fixed size");
    }
    if (wasm_memory + length_bytes + PAGE_BYTES > wasm_free_end) {
        wasm_refuse("memory", "does not fit the RAM of this machine");
    }
    wasm_memory_bytes = length_bytes;
    M3MemoryHeader *header = (M3MemoryHeader *)wasm_memory - 1;
    canary_place((void *)(wasm_memory - PAGE_BYTES), PAGE_BYTES - sizeof *header);
    canary_place((void *)(wasm_memory + length_bytes), PAGE_BYTES);
    memset(header, 0, sizeof *header + length_bytes);
    wasm_runtime->memory.mallocated = header;
    wasm_runtime->memory.numPages = module->memoryInfo.initPages;
    memory_pin(header);
}

/* Takes `length_bytes` from the end of the free memory, whole pages. */
static void *wasm_reserve(uint64_t length_bytes) {
    uint64_t taken = wasm_memory + wasm_memory_bytes + PAGE_BYTES;
    if (length_bytes + PAGE_BYTES > wasm_free_end - taken) {
        wasm_refuse("memory", "does not fit the RAM of this machine");
    }
    wasm_free_end = (wasm_free_end - length_bytes) / PAGE_BYTES * PAGE_BYTES;
    return (void *)wasm_free_end;
}

static const uint8_t *wasm_expand_module(uint32_t *length_bytes) {
    struct module_head head;
    const uint8_t *stream = module_compressed + sizeof head;
    memcpy(&head, module_compressed, sizeof head);
    if (head.length_bytes > MODULE_BYTES_MAX) {
        wasm_refuse("module", "too long");
    }
    uint8_t *bytes = wasm_reserve(head.length_bytes);
    wasm_check("module",
               inflate(stream, (size_t)(module_compressed_end - stream), bytes, head.length_bytes));
    module_check_hash(bytes, &head);
    module_check(bytes, head.length_bytes);
    *length_bytes = head.length_bytes;
    return bytes;
}

static void wasm_expand_lines(void) {
    const uint8_t *stream = lines_compressed + sizeof(uint32_t);
    uint32_t length_bytes;
    memcpy(&length_bytes, lines_compressed, sizeof length_bytes);
    if (length_bytes != 0) {
        uint8_t *bytes = wasm_reserve(length_bytes);
        wasm_check("lines",
                   inflate(stream, (size_t)(lines_compressed_end - stream), bytes, length_bytes));
        wasm_lines = (struct line_bytes){bytes, length_bytes};
    }
}

/* Where the data of the module ends: behind it linear memory is zero. */
static uint64_t wasm_data_end(void) {
    const uint64_t *word = (const uint64_t *)(wasm_memory + wasm_memory_bytes);
    const uint64_t *first = (const uint64_t *)wasm_memory;
    while (word != first && (word[-1] | word[-2] | word[-3] | word[-4]) == 0) {
        word -= 4;
    }
    return (uint64_t)word;
}

/* Keeps what a new instance is made of: the heap, with all code compiled, and the memory header
 * with the data behind it. It lies where no module and no device of one can write. */
static void wasm_take_image(void) {
    M3MemoryHeader *header = (M3MemoryHeader *)wasm_memory - 1;
    wasm_image.data_bytes = wasm_data_end() - (uint64_t)header;
    wasm_image.data = wasm_reserve(wasm_image.data_bytes);
    memcpy(wasm_image.data, header, wasm_image.data_bytes);
    memory_save(&wasm_image.heap, wasm_reserve(memory_extent_bytes()));
}

void wasm_host_load(uint64_t memory_start, uint64_t memory_end, struct host_grant *grant) {
    IM3Module module;
    IM3Environment environment = m3_NewEnvironment();
    uint32_t stack_bytes = WASM_STACK_BYTES + WASM_STACK_MARGIN_SLOTS * sizeof(m3slot_t);
    uint32_t module_bytes;
    int32_t version;
    struct text cause = {0};
    crc32c_init(); /* for the hash of the module, and to be lent to it */
    wasm_memory = memory_start;
    wasm_free_end = memory_end;
    const uint8_t *bytes = wasm_expand_module(&module_bytes);
    wasm_expand_lines();
    if (environment == NULL) {
        panic("module: no room for the interpreter");
    }
    wasm_check("format", m3_ParseModule(environment, &module, bytes, module_bytes));
    wasm_runtime = m3_NewRuntime(environment, stack_bytes, NULL);
    if (wasm_runtime == NULL) {
        panic("module: no room for the interpreter");
    }
    wasm_runtime->numStackSlots -= WASM_STACK_MARGIN_SLOTS;
    wasm_pin_memory(module);
    grant->memory = (uint8_t *)wasm_memory;
    grant->memory_bytes = wasm_memory_bytes;
    wasm_check("load", m3_LoadModule(wasm_runtime, module));
    wasm_check("imports", host_imports_link(module, grant));
    wasm_check("code", m3_CompileModule(module));
    wasm_start = wasm_find("start", 0, 1);
    wasm_step = wasm_find("step", 0, 1);
    wasm_receive = wasm_find("receive", 1, 0);
    wasm_take_image();
    bool has_version = wasm_call(wasm_find("abiVersion", 0, 1), 0, &version, &cause);
    if (!has_version || version != ABI_VERSION) {
        wasm_refuse("abiVersion", "another version than the kernel's");
    }
}

void wasm_host_renew(void) {
    uint8_t *header = (uint8_t *)(wasm_memory - sizeof(M3MemoryHeader));
    uint64_t length_bytes = sizeof(M3MemoryHeader) + wasm_memory_bytes;
    memory_restore(&wasm_image.heap);
    memcpy(header, wasm_image.data, wasm_image.data_bytes);
    memset(header + wasm_image.data_bytes, 0, length_bytes - wasm_image.data_bytes);
}

/* As wasm_call; a negative result is a failure as well. */
static bool wasm_call_well(const char *name, IM3Function function, int32_t *result,
                           struct text *cause) {
    if (!wasm_call(function, 0, result, cause)) {
        return false;
    }
    if (*result >= 0) {
        return true;
    }
    text_add(cause, name);
    text_add(cause, " returned -");
    text_add_decimal(cause, -(uint64_t)(int64_t)*result);
    return false;
}

bool wasm_host_start(struct text *cause) {
    int32_t result;
    return wasm_call_well("start", wasm_start, &result, cause);
}

bool wasm_host_step(int32_t *result, struct text *cause) {
    return wasm_call_well("step", wasm_step, result, cause);
}

bool wasm_host_receive(uint8_t byte, struct text *cause) {
    int32_t result;
    return wasm_call(wasm_receive, byte, &result, cause);
}
