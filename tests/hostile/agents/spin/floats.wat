;; Spins in divisions whose every result is no number, which the machine may take long for: it is stopped by its CPU time.
;; ends: budget without listening | silent
(func $attack (param $info i32)
  (local $x f64)
  (loop $spin
    (local.set $x (f64.div (f64.sqrt (f64.sub (local.get $x) (f64.const 1e-310))) (f64.const 0)))
    (br $spin)))
