;; The neighbour: asks its caller three questions, hears the answers, and is done.
;; ends: done
(data (i32.const 4096) "canary of anne: question")
(func $attack (param $info i32)
  (local $asked i32)
  (loop $next
    (call $call.ask (i32.const 4096) (i32.const 24)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 6000) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 512))
    (if (call $refused) (then (unreachable)))
    ;; The fourth of turns is that the caller hung up.
    (if (i32.eq (i32.load8_u (i32.const 532)) (i32.const 3)) (then (return)))
    (br_if $next (i32.lt_u (local.tee $asked (i32.add (local.get $asked) (i32.const 1))) (i32.const 3)))))
