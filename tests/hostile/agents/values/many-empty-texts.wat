;; Passes a list of a million texts without a letter, each of which costs the host more than the agent: it traps at a mebibyte.
;; ends: trap fuel
(func $attack (param $info i32)
  (call $pages (i32.const 200))
  (call $understanding.say-list (i32.const 131072) (i32.const 1000000) (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 512))
  (call $escaped))
