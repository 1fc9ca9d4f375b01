/*
 * The WASM module as scripts/compress_module.ts leaves it: its length and its CRC32C in 4 bytes
 * each, then what inflate makes the module of, byte for byte as it was validated at build time.
 * MODULE_PATH comes from kernel.mk.
 */
    .section .rodata.module, "a"
    .balign 8
    .globl module_compressed
module_compressed:
    .incbin MODULE_PATH
    .globl module_compressed_end
module_compressed_end:
