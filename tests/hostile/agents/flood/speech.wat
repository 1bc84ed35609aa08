;; Speaks to a caller who is gone, as fast as it can: nobody hears it, and its characters or its time end it.
;; ends: budget
;; heard: no
(data (i32.const 4096) "Bonjour, et bonjour, et encore bonjour.\00")
(func $attack (param $info i32)
  (call $call.hang-up)
  (loop $again
    (global.set $heap (i32.const 65536))
    (call $say (i32.const 4096))
    (br $again)))
