;; Asks the model again and again for as much as it will write: its call's tokens end it, not the operator's account.
;; ends: done
;; refused: model.chat over-quota
(data (i32.const 4096) "\01\00\00\00\00\00\02\00\40\9c\00\00\00\00\00\00\00\00\00\00")
(func $attack (param $info i32)
  (local $n i32)
  (call $pages (i32.const 4))
  (call $fill (i32.const 131072) (i32.const 0x61) (i32.const 40000))
  (global.set $heap (i32.const 200000))
  (loop $again
    (call $model.chat (i32.const 4096) (i32.const 1) (i32.const -1) (i32.const 0) (f32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
    (br_if $again (i32.and (i32.eqz (call $refused)) (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100)))))
  (call $must-refuse))
