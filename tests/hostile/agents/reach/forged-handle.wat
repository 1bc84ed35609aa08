;; Uses the handle {handle}, which nobody gave it: it traps.
;; each handle: 0 | 1 | 2 | 1000 | 0x0fffffff | 0x10000000 | -1
;; ends: trap handle
;; world: forger
(import "[export]forge" "[resource-rep]thing" (func $rep (param i32) (result i32)))
(func $attack (param $info i32) (drop (call $rep (i32.const {handle}))) (call $escaped))
