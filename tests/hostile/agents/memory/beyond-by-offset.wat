;; Reads with the largest offset an instruction can have over the largest address, six gibibytes on: it traps.
;; ends: trap out of bounds memory access
(func $attack (param $info i32)
  (if (i64.ne (i64.load offset=4294967288 (i32.const -8)) (i64.const 0)) (then (call $escaped))))
