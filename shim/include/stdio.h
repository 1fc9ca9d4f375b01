/* Freestanding <stdio.h>: wasm3 includes it, and prints nothing. */
