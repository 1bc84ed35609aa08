;; Calls itself in tail position for ever, so that neither a loop nor a deeper stack betrays it: it is stopped by its CPU time.
;; ends: budget without listening | silent
(func $again (param $n i64) (return_call $again (i64.add (local.get $n) (i64.const 1))))
(func $attack (param $info i32) (call $again (i64.const 0)))
