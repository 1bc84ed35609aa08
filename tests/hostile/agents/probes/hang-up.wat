;; Hangs up and goes on asking for what is only for callers: every answer says that nobody is there.
;; ends: done
(func $attack (param $info i32)
  (call $call.hang-up)
  (call $listen (i32.const 500))
  ;; A turn, and which: the fourth is that the caller hung up.
  (if (i32.and (i32.eqz (call $refused)) (i32.ne (i32.load8_u (i32.const 516)) (i32.const 3))) (then (call $escaped)))
  (call $say (i32.const 64)))
