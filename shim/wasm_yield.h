/*
 * The native stack limit of WASM calls, included ahead of wasm3's m3_compile.c by kernel.mk.
 *
 * wasm3 asks m3_Yield before every call of WASM code or of an import, and a result other than NULL
 * is a trap. Turned into an inline comparison it costs three instructions instead of a call.
 * Without it a module that recurses inside loops would run over the end of the kernel's stack,
 * which wasm3's own limit on WASM values does not bound. deadline.c raises the limit over the whole
 * stack when a call has taken too long: then the next WASM call or import ends it.
 */
#ifndef TSBLK_WASM_YIELD_H
#define TSBLK_WASM_YIELD_H

#include <stdint.h>

extern const uint8_t *volatile deadline_stack_limit;
extern const char *const m3Err_trapStackOverflow;

static inline const char *wasm_check_stack(void) {
    const uint8_t *stack_pointer;
    __asm__("mv %0, sp" : "=r"(stack_pointer));
    return __builtin_expect(stack_pointer < deadline_stack_limit, 0) ? m3Err_trapStackOverflow : 0;
}

#define m3_Yield(...) wasm_check_stack(__VA_ARGS__)

#endif
