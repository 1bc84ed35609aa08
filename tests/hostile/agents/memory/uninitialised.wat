;; Looks for words that somebody left in memory nobody gave it yet: every byte of it is zero.
;; ends: done
(func $attack (param $info i32)
  (local $at i32)
  (call $pages (i32.const 480))
  (local.set $at (i32.const 200000))
  (loop $next
    (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (call $escaped) (return)))
    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 31000000)))))
