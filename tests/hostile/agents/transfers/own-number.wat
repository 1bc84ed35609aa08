;; Hands the caller over to the number that they rang, {how}, which would ring it again and again on the operator's account: it is refused.
;; each how, gap: as it is = 0 | with a blank in it = 1
;; lists: +33
;; ends: done
;; refused: call.transfer invalid
(func $attack (param $info i32)
  (local $line i32) (local $length i32)
  (local.set $line (i32.load offset=12 (local.get $info)))
  (local.set $length (i32.load offset=16 (local.get $info)))
  ;; Its plus, a blank or none, and its digits.
  (i32.store16 (i32.const 4096) (i32.const 0x202b))
  (memory.copy
    (i32.add (i32.const 4097) (i32.const {gap}))
    (i32.add (local.get $line) (i32.const 1))
    (i32.sub (local.get $length) (i32.const 1)))
  (call $call.transfer (i32.const 4096) (i32.add (local.get $length) (i32.const {gap}))
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $must-refuse))
