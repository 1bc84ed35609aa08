;; Gives up with a reason of a gibibyte that it does not have: it traps.
;; ends: trap out of bounds | of bounds
(func $attack (param $info i32)
  (call $escaped)
  (i32.store (i32.const 776) (i32.const 0x40000000)))
