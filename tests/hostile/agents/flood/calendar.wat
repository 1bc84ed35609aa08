;; Has the host look through every slot of two months again and again: it is stopped.
;; ends: budget
;; `wanted` without bounds, fifty at most.
(data (i32.const 4096) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\32\00\00\00")
(func $attack (param $info i32)
  (loop $again
    (global.set $heap (i32.const 65536))
    (call $calendar.free (i32.const 4096) (i32.const 512))
    (br $again)))
