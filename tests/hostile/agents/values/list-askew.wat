;; Passes a list at an address that no list of texts may have: it traps.
;; ends: trap align
(func $attack (param $info i32)
  (call $understanding.say-list (i32.const 4097) (i32.const 2) (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 512))
  (call $escaped))
