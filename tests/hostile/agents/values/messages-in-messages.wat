;; Asks the model with a thousand messages that each hold the same thousand tool calls: it traps at a mebibyte of them.
;; ends: trap fuel
(func $attack (param $info i32)
  (local $at i32)
  (call $pages (i32.const 16))
  ;; Messages of twenty bytes, each of the assistant's, without a text and with the list at 524288.
  (local.set $at (i32.const 131072))
  (loop $next
    (i32.store8 (local.get $at) (i32.const 2))
    (i32.store offset=12 (local.get $at) (i32.const 524288))
    (i32.store offset=16 (local.get $at) (i32.const 1000))
    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 20))) (i32.const 151072))))
  (call $model.chat (i32.const 131072) (i32.const 1000) (i32.const 1) (i32.const 0) (f32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $escaped))
