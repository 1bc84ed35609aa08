;; Has the host write its answer to an address that no such value may have: it traps.
;; ends: trap align
(func $attack (param $info i32) (call $clock.now (i32.const 513)) (call $escaped))
