;; Reads the bits of results that are no number, which differ from machine to machine: here they are always the same.
;; ends: done
(func $attack (param $info i32)
  (local $x f64)
  (local.set $x (f64.div (f64.const 0) (f64.const 0)))
  (if (i64.ne (i64.reinterpret_f64 (local.get $x)) (i64.const 0x7ff8000000000000)) (then (call $escaped)))
  (local.set $x (f64.sqrt (f64.const -1)))
  (if (i64.ne (i64.reinterpret_f64 (local.get $x)) (i64.const 0x7ff8000000000000)) (then (call $escaped))))
