/* RISC-V's fence, for an assembler that has none: on the host there is no device to order. */
__asm__(".macro fence before, after\n"
        ".endm\n");
