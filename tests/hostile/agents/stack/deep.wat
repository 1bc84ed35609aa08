;; Recurses without end: it is stopped at its own stack's end, and the host's is whole.
;; ends: stack
(func $deeper (param $n i64) (result i64) (i64.add (call $deeper (i64.add (local.get $n) (i64.const 1))) (local.get $n)))
(func $attack (param $info i32) (drop (call $deeper (i64.const 0))))
