/*
 * The WASM module as scripts/compress_module.ts leaves it: its length and its CRC32C in 4 bytes
 * each, then what inflate makes the module of, byte for byte as it was validated at build time, but
 * for names. And its line table as scripts/line_table.ts leaves it: its length, then what inflate
 * makes it of. The paths come from kernel.mk.
 */
    .section .rodata.module, "a"
    .balign 8
    .globl module_compressed
module_compressed:
    .incbin MODULE_PATH
    .globl module_compressed_end
module_compressed_end:

    .balign 4
    .globl lines_compressed
lines_compressed:
    .incbin LINES_PATH
    .globl lines_compressed_end
lines_compressed_end:
