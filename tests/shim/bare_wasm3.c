/*
 * wasm3 as it comes, with nothing around it: what each module of
 * module_runner.c would do to a host that trusts its input. Runs the module in
 * the file that is named: parses, loads and compiles it and calls `start`. The
 * sanitizers and signals say how it ends; an error that wasm3 finds by itself
 * is printed.
 */
#include "check.h"

#include <m3_env.h>
#include <wasm3.h>

#define STACK_BYTES 0x10000

static uint8_t bytes[1 << 20];

static void end_on(M3Result error) {
    if (error != m3Err_none) {
        printf("error %s\n", error);
        exit(0);
    }
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    FILE *file = fopen(arguments[1], "rb");
    CHECK(file != NULL);
    uint32_t length_bytes = (uint32_t)fread(bytes, 1, sizeof bytes, file);
    IM3Environment environment = m3_NewEnvironment();
    IM3Runtime runtime = m3_NewRuntime(environment, STACK_BYTES, NULL);
    IM3Module module;
    IM3Function start;
    end_on(m3_ParseModule(environment, &module, bytes, length_bytes));
    end_on(m3_LoadModule(runtime, module));
    end_on(m3_CompileModule(module));
    end_on(m3_FindFunction(&start, runtime, "start"));
    end_on(m3_CallV(start));
    printf("ran, %u bytes of memory\n", m3_GetMemorySize(runtime));
    return 0;
}
