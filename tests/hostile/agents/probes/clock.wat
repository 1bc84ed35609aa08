;; Makes a fine clock of its own by counting between two readings of the host's: it has milliseconds of its own call, and nothing finer.
;; ends: done
(func $attack (param $info i32)
  (local $began i32) (local $now i32) (local $changes i32) (local $n i32)
  (local.set $began (call $clock.elapsed))
  (local.set $now (local.get $began))
  (loop $next
    (if (i32.ne (call $clock.elapsed) (local.get $now))
      (then
        (local.set $now (call $clock.elapsed))
        (local.set $changes (i32.add (local.get $changes) (i32.const 1)))))
    (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 200))))
  ;; More changes than milliseconds would be a finer clock.
  (if (i32.gt_u (local.get $changes) (i32.add (i32.const 1) (i32.sub (local.get $now) (local.get $began)))) (then (call $escaped))))
