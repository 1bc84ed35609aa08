;; Asks the clock on past its number of host calls, for a time that is none: it is told the time until it is stopped.
;; ends: budget host calls | cpu
(func $attack (param $info i32)
  (loop $again
    (call $clock.now (i32.const 512))
    (if (i32.eq (i32.load (i32.const 512)) (i32.const 1970)) (then (call $escaped) (return)))
    (br $again)))
