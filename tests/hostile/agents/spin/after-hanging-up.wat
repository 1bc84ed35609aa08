;; Hangs up, and goes on computing between turns that only say that nobody is there: those renew no budget.
;; ends: budget without listening | within 10 s
;; heard: no
(func $attack (param $info i32)
  (local $n i32)
  (call $call.hang-up)
  (loop $again
    (local.set $n (i32.const 20000000))
    (loop $burn (br_if $burn (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (call $listen (i32.const 500))
    (br $again)))
