/**
 * The part of the WebAssembly interface that the tests use; Node's own types of this version
 * leave it out.
 */

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array | Buffer);
  }
  function validate(bytes: Uint8Array): boolean;
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
}
