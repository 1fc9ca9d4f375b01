/* Freestanding <math.h>: wasm3 includes it, and is built without floating point. */
