;; Uses a handle after it gave it back, and gives it back twice: it traps.
;; each call: (drop (call $rep (local.get $handle))) | (call $drop (local.get $handle))
;; ends: trap handle
;; world: forger
(import "[export]forge" "[resource-new]thing" (func $new (param i32) (result i32)))
(import "[export]forge" "[resource-rep]thing" (func $rep (param i32) (result i32)))
(import "[export]forge" "[resource-drop]thing" (func $drop (param i32)))
(func $attack (param $info i32)
  (local $handle i32)
  (local.set $handle (call $new (i32.const 7)))
  (if (i32.ne (call $rep (local.get $handle)) (i32.const 7)) (then (unreachable)))
  (call $drop (local.get $handle))
  {call}
  (call $escaped))
