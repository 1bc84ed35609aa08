;; Asks for four gibibytes of randomness at once: it gets four kibibytes.
;; ends: done
(func $attack (param $info i32)
  (call $random.bytes (i32.const -1) (i32.const 512))
  (if (i32.ne (i32.load (i32.const 516)) (i32.const 4096)) (then (call $escaped))))
