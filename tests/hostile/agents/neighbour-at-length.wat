;; The neighbour whose callers stay: asks again and again, until its caller hangs up.
;; ends: done
(data (i32.const 4096) "canary of anne: question")
(func $attack (param $info i32)
  (loop $next
    (call $call.ask (i32.const 4096) (i32.const 24)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 20000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 512))
    (if (call $refused) (then (unreachable)))
    ;; The fourth of turns is that the caller hung up.
    (br_if $next (i32.ne (i32.load8_u (i32.const 532)) (i32.const 3)))))
