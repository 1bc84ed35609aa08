;; Fills the disk with refused calls whose arguments the journal keeps, near a mebibyte of noise each: it is stopped at a share of the disk that its host calls are worth.
;; ends: budget journaled
;; refused: memory.get invalid
(func $attack (param $info i32)
  (local $at i32) (local $x i32)
  (call $pages (i32.const 32))
  ;; Noise, so that it cannot be packed: seven bits a byte, to be text.
  (local.set $at (i32.const 131072))
  (local.set $x (i32.const 0x12345679))
  (loop $noise
    (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
    (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
    (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
    (i32.store (local.get $at) (i32.and (local.get $x) (i32.const 0x7f7f7f7f)))
    (br_if $noise (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 1100000))))
  (loop $again
    (call $memory.get (i32.const 131072) (i32.const 900000) (i32.const 512))
    (br $again)))
