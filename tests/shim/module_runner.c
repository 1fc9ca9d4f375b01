/*
 * Runs modules as the kernel does, on the host and under sanitizers: the shim's
 * own glue around wasm3, with the stand-ins of host_stand_ins.c where the
 * kernel has devices.
 *
 *     module_runner [BOOT_ARGUMENTS | -v] <MODULES
 *
 * MODULES is, for each module, its length (u32, little endian) and its bytes.
 * Each runs in a process of its own: validation, parsing, loading, compiling
 * all of it, then start and a number of steps, until it traps, ends or has run
 * for DEADLINE_MS of CPU time. For each there is one line:
 *
 *     refused <what> <offset>     by the validator
 *     stopped <what>              by wasm3 or the glue while it was loaded
 *     trapped <what>              by a trap or a panic of its own
 *     ended                       by a power off or a reboot
 *     ran                         all its steps, or up to the deadline
 *     crashed                     by a signal, a sanitizer, whose report is on
 * stderr, or a canary
 *
 * before it `heap <used> <bound>` when it was loaded, and `deadline` after it
 * when that ended it. With -v the modules are validated only: `accepted` is the
 * line of one that passes. Around linear memory lie the kernel's canaries, and
 * what follows them, and the module, must not be touched.
 */
#include "host_stand_ins.h"

#include "../../shim/canary.h"
#include "../../shim/handover.h"
#include "../../shim/memlayout.h"
#include "../../shim/module_check.h"
#include "../../shim/validate.h"
#include "../../shim/wasm_host.h"

#include <m3_env.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define REGION_BYTES        (20ul << 20)
#define STACK_BYTES_ON_HOST (1ul << 30)
#define STEPS               200
#define DEADLINE_MS         100
#define WINDOW_BYTES        4096

static const char *boot_args = "";
static uint64_t linear_memory;
static uint8_t *module;
static uint32_t module_bytes;

void __real_module_check(const uint8_t *bytes, uint32_t length_bytes);
void __wrap_module_check(const uint8_t *bytes, uint32_t length_bytes);

/* The kernel's own check, after which nothing past the module may be read. */
void __wrap_module_check(const uint8_t *bytes, uint32_t length_bytes) {
    __real_module_check(bytes, length_bytes);
    uint64_t region_end = linear_memory - PAGE_BYTES + REGION_BYTES;
    uint64_t end = (uint64_t)bytes + length_bytes;
    ASAN_POISON_MEMORY_REGION((void *)end, region_end - end);
}

/* A device that keeps every register as it was written last. */
static struct fdt_region make_window(void) {
    uint32_t *registers = calloc(1, WINDOW_BYTES);
    registers[0x000 / 4] = 0x74726976;
    registers[0x004 / 4] = 2;
    registers[0x008 / 4] = 2;
    registers[0x034 / 4] = 256;
    registers[0x100 / 4] = 2048;
    return (struct fdt_region){(uint64_t)registers, WINDOW_BYTES};
}

static void load_module(void) {
    static struct fdt_region windows[2];
    static struct host_grant grant;
    windows[0] = make_window();
    windows[1] = make_window();
    grant = (struct host_grant){.windows = windows,
                                .window_count = 2,
                                .boot_args = boot_args,
                                .boot_args_bytes = (uint32_t)strlen(boot_args) + 1};
    uint8_t *region = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    madvise(region, REGION_BYTES, MADV_HUGEPAGE);
    linear_memory = (uint64_t)region + PAGE_BYTES;
    stand_ins_embed(module, module_bytes);
    wasm_host_load(linear_memory, (uint64_t)region + REGION_BYTES, &grant);
    const M3MemoryHeader *header = (const M3MemoryHeader *)linear_memory - 1;
    uint64_t free_start = linear_memory + header->length + PAGE_BYTES;
    uint64_t module_start = (uint64_t)region + REGION_BYTES - module_bytes;
    ASAN_POISON_MEMORY_REGION((void *)free_start,
                              module_start / PAGE_BYTES * PAGE_BYTES - free_start);
}

static bool step_until_idle(struct text *cause) {
    int32_t wish = 1;
    for (int i = 0; i < STEPS && wish != 0; i++) {
        if (!wasm_host_step(&wish, cause)) {
            return false;
        }
    }
    return true;
}

static bool use_module(struct text *cause) {
    return wasm_host_start(cause) && step_until_idle(cause) && wasm_host_receive('?', cause) &&
           wasm_host_receive('\r', cause) && step_until_idle(cause);
}

static void run_module(void) {
    struct validate_cost cost;
    struct validate_fault fault = validate_module(module, module_bytes, &cost);
    if (fault.what != NULL) {
        printf("refused %s %u", fault.what, fault.offset);
        return;
    }
    stand_ins_expect(&cost);
    load_module();
    stand_ins_report_heap();
    struct text cause = {0};
    bool is_well = use_module(&cause);
    wasm_host_print_backtrace();
    handover_take();
    canary_check();
    printf(is_well ? "ran" : "trapped %.*s", (int)cause.length, cause.bytes);
}

static void run_in_child(void) {
    struct itimerval deadline = {.it_value = {0, DEADLINE_MS * 1000}};
    setitimer(ITIMER_VIRTUAL, &deadline, NULL);
    stand_ins_on_deadline();
    run_module();
    fflush(stdout);
    _exit(0);
}

static void validate_only(void) {
    struct validate_fault fault = validate_module(module, module_bytes, NULL);
    if (fault.what != NULL) {
        printf("refused %s %u\n", fault.what, fault.offset);
    } else {
        printf("accepted\n");
    }
}

static void run_and_report(void) {
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        run_in_child();
    }
    waitpid(child, &status, 0);
    printf(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "\n" : "crashed\n");
}

/* Returns whether there was another module. */
static bool read_module(void) {
    if (fread(&module_bytes, sizeof module_bytes, 1, stdin) != 1) {
        return false;
    }
    module = malloc(module_bytes);
    return fread(module, 1, module_bytes, stdin) == module_bytes;
}

/* The sanitizers slow wasm3's calls down and widen their frames. */
static void widen_stack(char **arguments) {
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    if (limit.rlim_cur < STACK_BYTES_ON_HOST) {
        limit.rlim_cur = STACK_BYTES_ON_HOST;
        if (setrlimit(RLIMIT_STACK, &limit) == 0) {
            execv("/proc/self/exe", arguments);
        }
    }
}

int main(int count, char **arguments) {
    widen_stack(arguments);
    if (count > 1) {
        boot_args = arguments[1];
    }
    while (read_module()) {
        if (strcmp(boot_args, "-v") == 0) {
            validate_only();
        } else {
            run_and_report();
        }
        free(module);
    }
    return 0;
}
