/**
 * A small module that uses everything the validator lets through, for the mutator: what the driver
 * has little of, a table, branches with values, deep stacks, locals that are kept while they
 * change, is dense here.
 */
import { toBinary } from "./fault_module.js";

const DEEP = 60;
const deepValues = Array.from({ length: DEEP }, (_, i) => `(local.get ${i % 3})`).join(" ");
const deepSums = "i32.add ".repeat(DEEP - 1);
const constants = Array.from({ length: 150 }, (_, i) => `(i64.const ${i * 977})`).join(" ");
const constantSums = "i64.add ".repeat(149);

const SEED = `(module
  (import "host" "fence" (func $fence))
  (import "host" "clockNs" (func $clockNs (result i64)))
  (import "host" "windowCount" (func $windowCount (result i32)))
  (import "host" "mmioRead32" (func $mmioRead32 (param i32 i32) (result i32)))
  (import "host" "bootArgs" (func $bootArgs (param i32 i32) (result i32)))
  (import "host" "crc32c" (func $crc32c (param i32 i32 i32) (result i32)))
  (type $binary (func (param i32 i32) (result i32)))
  (memory (export "memory") 2 2)
  (table 8 12 funcref)
  (elem (i32.const 1) $sum $difference $dispatch $bootArgs $mmioRead32 $kept)
  (global $turns (mut i32) (i32.const 0))
  (global $mixed (mut i64) (i64.const -7))
  (global $fixed i32 (i32.const 5))
  (data (i32.const 64) "seed module")
  (data (i32.const 131060) "at the end")
  (func $sum (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $difference (param i32 i32) (result i32) (i32.sub (local.get 0) (local.get 1)))
  (func $dispatch (param i32 i32) (result i32)
    (block $out (result i32)
      (drop (block $two (result i32)
        (drop (block $one (result i32)
          (br_table $one $two $out $two $one (local.get 1) (i32.and (local.get 0) (i32.const 7)))))
        (i32.mul (local.get 0) (i32.const 3))))
      (br_if $out (i32.const 9) (local.get 1))
      (drop)
      (i32.const 4)))
  (func $kept (param i32 i32) (result i32) (local i32)
    (local.get 0) (local.get 1) (local.get 0)
    (local.set 0 (i32.const 11))
    (local.set 2 (local.tee 1 (i32.add (local.get 0) (local.get 1))))
    (if (result i32) (local.get 2)
      (then (local.set 0 (i32.const 12)) (local.get 0))
      (else (block (result i32) (local.set 1 (local.get 2)) (local.get 1))))
    (select (local.get 2)) (i32.xor) (i32.or))
  (func $deep (param i32 i32 i32) (result i32)
    ${deepValues}
    (local.set 1 (i32.const 3))
    (block (local.set 0 (i32.const 4)) (br_if 0 (local.get 0)) (local.set 2 (i32.const 1)))
    ${deepSums})
  (func $constants (result i64) ${constants} ${constantSums})
  (func $fibonacci (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
                     (call $fibonacci (i32.sub (local.get 0) (i32.const 2)))))))
  (func $loops (param i32) (local i32 i64)
    (loop $outer
      (local.set 1 (i32.const 4))
      (loop $inner
        (i32.store8 offset=128 (local.get 1) (i32.load8_s offset=64 (local.get 1)))
        (i64.store32 offset=160 (local.get 1) (local.get 2))
        (local.set 2 (i64.rotl (i64.add (local.get 2) (i64.load offset=96 (local.get 1)))
                               (i64.extend_i32_u (local.get 1))))
        (br_if $inner (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
      (br_if $outer (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (global.set $mixed (i64.xor (global.get $mixed) (local.get 2))))
  (func $indirect (param i32) (result i32)
    (call_indirect (type $binary) (local.get 0) (global.get $fixed)
      (i32.add (i32.const 1) (i32.and (local.get 0) (i32.const 1)))))
  (func $memory (result i32)
    (memory.copy (i32.const 256) (i32.const 64) (i32.const 11))
    (memory.fill (i32.const 300) (i32.const 0xaa) (memory.size))
    (call $crc32c (i32.const 0) (i32.const 256) (i32.const 64)))
  (func $numbers (param i64) (result i32)
    (i32.div_s (i32.wrap_i64 (i64.rem_u (local.get 0) (i64.const 1000003))) (i32.const 7))
    (i64.eqz (i64.extend32_s (i64.ctz (i64.shr_s (local.get 0) (i64.const 9)))))
    (i32.add (i32.popcnt) (i32.clz (i32.extend8_s (i32.wrap_i64 (i64.popcnt (local.get 0))))))
    (i32.xor))
  (func (export "abiVersion") (result i32) (i32.const 1))
  (func (export "start") (result i32)
    (call $fence) (drop (call $bootArgs (i32.const 512) (i32.const 64)))
    (drop (call $mmioRead32 (i32.const 0) (i32.const 0))) (i32.const 0))
  (func (export "step") (result i32) (local i32)
    (local.set 0 (global.get $turns))
    (global.set $turns (i32.add (local.get 0) (i32.const 1)))
    (drop (call $dispatch (local.get 0) (call $windowCount)))
    (drop (call $kept (local.get 0) (call $fibonacci (i32.const 7))))
    (drop (call $deep (local.get 0) (i32.const 2) (call $indirect (local.get 0))))
    (call $loops (i32.const 3))
    (drop (call $numbers (i64.add (call $constants) (call $clockNs))))
    (drop (call $memory))
    (i32.lt_u (local.get 0) (i32.const 40)))
  (func (export "receive") (param i32) (i32.store offset=1024 (local.get 0) (local.get 0))))`;

export const seedModule = (): Promise<Uint8Array> => toBinary(SEED);
