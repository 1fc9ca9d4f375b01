/*
 * The WASM module, byte for byte as it was validated at build time. MODULE_PATH comes from
 * kernel.mk.
 */
    .section .rodata.module, "a"
    .balign 8
    .globl module_start
module_start:
    .incbin MODULE_PATH
    .globl module_end
module_end:
