;; Reads its locals before it wrote to them, for what a call before left on the stack: they are zero.
;; ends: done
(func $dirty (param $n i64) (result i64)
  (if (result i64) (i64.eqz (local.get $n))
    (then (i64.const 0))
    (else (i64.add (call $dirty (i64.sub (local.get $n) (i64.const 1))) (i64.const 0x5959524143)))))
(func $read (result i64)
  (local $a i64) (local $b i64) (local $c v128) (local $d f64)
  (i64.or
    (i64.or (local.get $a) (local.get $b))
    (i64.or (i64x2.extract_lane 0 (local.get $c)) (i64.reinterpret_f64 (local.get $d)))))
(func $attack (param $info i32)
  (drop (call $dirty (i64.const 1000)))
  (if (i64.ne (call $read) (i64.const 0)) (then (call $escaped))))
