;; Computes for most of a turn, has `listen` refused for its options, and computes again: a refusal is no turn of the caller's.
;; ends: budget without listening | silent
;; refused: call.listen invalid
(func $attack (param $info i32)
  (local $n i32)
  (loop $again
    (local.set $n (i32.const 20000000))
    (loop $burn (br_if $burn (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (call $listen (i32.const 0))
    (br $again)))
