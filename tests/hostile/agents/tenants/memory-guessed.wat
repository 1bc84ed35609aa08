;; Learns the neighbour's value by comparing and setting, guess after guess: no guess is ever right.
;; ends: done
(data (i32.const 4096) "secret")
(data (i32.const 4200) "canary of anne: memory")
(func $attack (param $info i32)
  (local $length i32)
  (loop $next
    (call $memory.compare-and-set (i32.const 4096) (i32.const 6) (i32.const 1) (i32.const 4200) (local.get $length)
      (i32.const 64) (i32.const 7) (i32.const 512))
    (if (i32.and (i32.eqz (call $refused)) (i32.load8_u (i32.const 516))) (then (call $escaped)))
    (br_if $next (i32.le_u (local.tee $length (i32.add (local.get $length) (i32.const 1))) (i32.const 22)))))
