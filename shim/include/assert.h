/* Freestanding <assert.h>: wasm3 includes it, and asserts nothing in this configuration. */
