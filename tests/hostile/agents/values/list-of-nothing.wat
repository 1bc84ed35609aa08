;; Passes a list of {count} texts that would all be at addresses it does not have: it traps before the host makes room for them.
;; each count: 0x0fffffff | 0x1fffffff | 0x20000000 | 0x7fffffff | -1
;; ends: trap
(func $attack (param $info i32)
  (call $understanding.say-list (i32.const 0) (i32.const {count}) (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 512))
  (call $escaped))
