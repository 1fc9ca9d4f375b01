/**
 * Reads a module with wabt, which validates it with an explicit set of features, and gives its text
 * form for the rules of module_rules.ts.
 */
import wabt from "wabt";

/** All that asc emits and wasm3 runs. A feature that is not named here would get wabt's default. */
const FEATURES = {
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  bulk_memory: true,
  exceptions: false,
  simd: false,
  threads: false,
  function_references: false,
  multi_value: false,
  tail_call: false,
  reference_types: false,
  annotations: false,
  code_metadata: false,
  gc: false,
  memory64: false,
  extended_const: false,
  relaxed_simd: false,
};

/**
 * The text form of the module in `bytes`, one instruction a line; throws when it is not valid. wabt
 * does not accept a Buffer, only a plain Uint8Array.
 */
export async function moduleText(bytes: Uint8Array): Promise<string> {
  const module = (await wabt()).readWasm(bytes, { ...FEATURES, readDebugNames: true });
  module.validate();
  module.applyNames();
  return module.toText({ foldExprs: false, inlineExport: false });
}
