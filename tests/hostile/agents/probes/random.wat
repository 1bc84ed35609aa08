;; Looks for randomness that comes twice, to know another call's: no sixteen bytes of it do.
;; ends: done
(func $attack (param $info i32)
  (local $first i32) (local $n i32)
  (call $random.bytes (i32.const 16) (i32.const 512))
  (local.set $first (i32.load (i32.const 512)))
  (loop $next
    (call $random.bytes (i32.const 16) (i32.const 512))
    (if (i32.and
          (i64.eq (i64.load (local.get $first)) (i64.load (i32.load (i32.const 512))))
          (i64.eq (i64.load offset=8 (local.get $first)) (i64.load offset=8 (i32.load (i32.const 512)))))
      (then (call $escaped) (return)))
    (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100)))))
