/**
 * The part of the WebAssembly interface that the machine uses; Node's own types of this version
 * leave it out.
 */

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array | Buffer);
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
}
