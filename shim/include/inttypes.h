/* Freestanding <inttypes.h>: wasm3 wants the types, and prints nothing. */
#include <stdint.h>
