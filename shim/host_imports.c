/*
 * The imports of driver/host.ts, and nothing else that the module can reach. The module is not
 * trusted: a window that does not exist, an access outside it or not aligned to its width, text
 * outside linear memory, an exit status that does not fit, each ends the module with a trap that
 * names the rule. Sums are taken in 64 bits, so none wraps.
 *
 * wasm3 calls each with its arguments in 64-bit slots; the slot of the result comes first.
 */
#include "canary.h"
#include "crc32c.h"
#include "guard.h"
#include "handover.h"
#include "host_imports.h"
#include "power.h"
#include "print.h"
#include "timer.h"
#include "uart.h"

#include <stddef.h>
#include <string.h>

/* Longest text of one call, so that every import comes to an end. */
#define TEXT_BYTES_LIMIT 0x10000

#define CHECK_WINDOW(NAME)                                                                         \
    if (M3_UNLIKELY(window >= host.window_count)) {                                                \
        return NAME ": no such window";                                                            \
    }

#define CHECK_ACCESS(NAME, WIDTH)                                                                  \
    CHECK_WINDOW(NAME)                                                                             \
    if (M3_UNLIKELY((uint64_t)offset + sizeof(WIDTH) > host.windows[window].length_bytes)) {       \
        return NAME ": outside the window";                                                        \
    }                                                                                              \
    if (M3_UNLIKELY(offset % sizeof(WIDTH) != 0)) {                                                \
        return NAME ": misaligned offset";                                                         \
    }

#define CHECK_MEMORY(NAME, POINTER, LENGTH)                                                        \
    if (M3_UNLIKELY((uint64_t)(POINTER) + (LENGTH) > m3_GetMemorySize(runtime))) {                 \
        return NAME ": outside linear memory";                                                     \
    }

/* wasm3 passes these to every import; few look at all of them. */
#define IMPORT(NAME)                                                                               \
    static const void *NAME(                                                                       \
        __attribute__((unused)) IM3Runtime runtime, __attribute__((unused)) IM3ImportContext _ctx, \
        __attribute__((unused)) uint64_t *_sp, __attribute__((unused)) void *_mem)

#define CHECK_GUARD(CALL)                                                                          \
    {                                                                                              \
        const char *broken = CALL;                                                                 \
        if (M3_UNLIKELY(broken != NULL)) {                                                         \
            return broken;                                                                         \
        }                                                                                          \
    }

#define NARROW_ACCESS(WIDTH) ((volatile WIDTH *)(host.windows[window].base + offset))

#define IMPORT_READ(NAME, WIDTH)                                                                   \
    IMPORT(host_##NAME) {                                                                          \
        m3ApiReturnType(uint32_t);                                                                 \
        m3ApiGetArg(uint32_t, window);                                                             \
        m3ApiGetArg(uint32_t, offset);                                                             \
        CHECK_ACCESS(#NAME, WIDTH)                                                                 \
        CHECK_GUARD(guard_check_narrow(#NAME, window, offset))                                     \
        m3ApiReturn(*NARROW_ACCESS(WIDTH));                                                        \
    }

#define IMPORT_WRITE(NAME, WIDTH)                                                                  \
    IMPORT(host_##NAME) {                                                                          \
        m3ApiGetArg(uint32_t, window);                                                             \
        m3ApiGetArg(uint32_t, offset);                                                             \
        m3ApiGetArg(uint32_t, value);                                                              \
        CHECK_ACCESS(#NAME, WIDTH)                                                                 \
        CHECK_GUARD(guard_check_narrow(#NAME, window, offset))                                     \
        *NARROW_ACCESS(WIDTH) = (WIDTH)value;                                                      \
        m3ApiSuccess();                                                                            \
    }

const char *const host_trap_panicked = "the module panicked";

static struct host_grant host;
static struct text host_panic_message;

IMPORT_READ(mmioRead8, uint8_t)
IMPORT_READ(mmioRead16, uint16_t)
IMPORT_WRITE(mmioWrite8, uint8_t)
IMPORT_WRITE(mmioWrite16, uint16_t)

IMPORT(host_mmioRead32) {
    m3ApiReturnType(uint32_t);
    m3ApiGetArg(uint32_t, window);
    m3ApiGetArg(uint32_t, offset);
    CHECK_ACCESS("mmioRead32", uint32_t)
    uint32_t value = 0;
    CHECK_GUARD(guard_read32(window, offset, &value))
    m3ApiReturn(value);
}

IMPORT(host_mmioWrite32) {
    m3ApiGetArg(uint32_t, window);
    m3ApiGetArg(uint32_t, offset);
    m3ApiGetArg(uint32_t, value);
    CHECK_ACCESS("mmioWrite32", uint32_t)
    CHECK_GUARD(guard_write32(window, offset, value))
    m3ApiSuccess();
}

IMPORT(host_windowCount) {
    m3ApiReturnType(uint32_t);
    m3ApiReturn(host.window_count);
}

IMPORT(host_windowLength) {
    m3ApiReturnType(uint32_t);
    m3ApiGetArg(uint32_t, window);
    CHECK_WINDOW("windowLength")
    uint64_t length_bytes = host.windows[window].length_bytes;
    m3ApiReturn(length_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)length_bytes);
}

IMPORT(host_fence) {
    CHECK_GUARD(guard_fence())
    m3ApiSuccess();
}

IMPORT(host_clockNs) {
    m3ApiReturnType(uint64_t);
    m3ApiReturn(timer_now_ns());
}

IMPORT(host_dmaBase) {
    m3ApiReturnType(uint64_t);
    m3ApiReturn(guard_dma_base());
}

IMPORT(host_crc32c) {
    m3ApiReturnType(uint32_t);
    m3ApiGetArg(uint32_t, seed);
    m3ApiGetArg(uint32_t, ptr);
    m3ApiGetArg(uint32_t, length_bytes);
    CHECK_MEMORY("crc32c", ptr, length_bytes)
    m3ApiReturn(crc32c(seed, (const uint8_t *)_mem + ptr, length_bytes));
}

IMPORT(host_consoleWrite) {
    m3ApiGetArg(uint32_t, text_ptr);
    m3ApiGetArg(uint32_t, length_bytes);
    CHECK_MEMORY("consoleWrite", text_ptr, length_bytes)
    if (length_bytes > TEXT_BYTES_LIMIT) {
        return "consoleWrite: more than 65536 bytes";
    }
    uart_write((const uint8_t *)_mem + text_ptr, length_bytes);
    m3ApiSuccess();
}

IMPORT(host_bootArgs) {
    m3ApiReturnType(uint32_t);
    m3ApiGetArg(uint32_t, buffer_ptr);
    m3ApiGetArg(uint32_t, capacity_bytes);
    CHECK_MEMORY("bootArgs", buffer_ptr, capacity_bytes)
    uint32_t length_bytes = host.boot_args_bytes;
    memcpy((uint8_t *)_mem + buffer_ptr, host.boot_args,
           length_bytes < capacity_bytes ? length_bytes : capacity_bytes);
    m3ApiReturn(length_bytes);
}

IMPORT(host_powerOff) {
    m3ApiGetArg(uint32_t, code);
    if (code > POWER_STATUS_MAX) {
        return "powerOff: exit status above 255";
    }
    canary_check();
    power_off(code);
}

IMPORT(host_reboot) {
    canary_check();
    power_reboot();
}

IMPORT(host_handoverKeep) {
    m3ApiGetArg(uint32_t, ptr);
    m3ApiGetArg(uint32_t, length_bytes);
    CHECK_MEMORY("handoverKeep", ptr, length_bytes)
    if (length_bytes > HANDOVER_BYTES_MAX) {
        return "handoverKeep: more than 65536 bytes";
    }
    handover_keep((const uint8_t *)_mem + ptr, length_bytes);
    m3ApiSuccess();
}

IMPORT(host_handoverRead) {
    m3ApiReturnType(uint32_t);
    m3ApiGetArg(uint32_t, buffer_ptr);
    m3ApiGetArg(uint32_t, capacity_bytes);
    CHECK_MEMORY("handoverRead", buffer_ptr, capacity_bytes)
    m3ApiReturn(handover_read((uint8_t *)_mem + buffer_ptr, capacity_bytes));
}

IMPORT(host_panic) {
    m3ApiGetArg(uint32_t, message_ptr);
    m3ApiGetArg(uint32_t, length_bytes);
    m3ApiGetArg(uint32_t, line);
    CHECK_MEMORY("panic", message_ptr, length_bytes)
    host_panic_message = (struct text){0};
    text_add_bytes(&host_panic_message, (const uint8_t *)_mem + message_ptr, length_bytes);
    text_add(&host_panic_message, ":");
    text_add_decimal(&host_panic_message, line);
    return host_trap_panicked;
}

const struct text *host_imports_panic_message(void) {
    return &host_panic_message;
}

/* Signatures in wasm3's notation: result, then arguments; i is 32 bits, I is 64, v is nothing. */
static const struct {
    const char *name;
    const char *signature;
    M3RawCall function;
} host_imports[] = {
    {"windowCount", "i()", host_windowCount},
    {"windowLength", "i(i)", host_windowLength},
    {"mmioRead8", "i(ii)", host_mmioRead8},
    {"mmioRead16", "i(ii)", host_mmioRead16},
    {"mmioRead32", "i(ii)", host_mmioRead32},
    {"mmioWrite8", "v(iii)", host_mmioWrite8},
    {"mmioWrite16", "v(iii)", host_mmioWrite16},
    {"mmioWrite32", "v(iii)", host_mmioWrite32},
    {"fence", "v()", host_fence},
    {"clockNs", "I()", host_clockNs},
    {"dmaBase", "I()", host_dmaBase},
    {"crc32c", "i(iii)", host_crc32c},
    {"consoleWrite", "v(ii)", host_consoleWrite},
    {"bootArgs", "i(ii)", host_bootArgs},
    {"powerOff", "v(i)", host_powerOff},
    {"reboot", "v()", host_reboot},
    {"handoverKeep", "v(ii)", host_handoverKeep},
    {"handoverRead", "i(ii)", host_handoverRead},
    {"panic", "v(iii)", host_panic},
};

M3Result host_imports_link(IM3Module module, const struct host_grant *grant) {
    host = *grant;
    guard_init(&(struct guard_grant){.windows = grant->windows,
                                     .window_count = grant->window_count,
                                     .memory = grant->memory,
                                     .memory_bytes = grant->memory_bytes,
                                     .is_off = grant->is_guard_off});
    for (size_t i = 0; i < sizeof host_imports / sizeof host_imports[0]; i++) {
        M3Result result = m3_LinkRawFunction(module, "host", host_imports[i].name,
                                             host_imports[i].signature, host_imports[i].function);
        /* A module need not use every import; one that it wants and nobody has fails when it is
         * compiled. */
        if (result != m3Err_none && result != m3Err_functionLookupFailed) {
            return result;
        }
    }
    return m3Err_none;
}
