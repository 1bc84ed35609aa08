;; Calls the function at index {index} of its table, where none is its own: it traps.
;; each index: 1 | 2 | 54 | 9999 | 20000 | 0x7fffffff | -1
;; ends: trap undefined element | uninitialized element
(type $nothing (func))
(table 2 20000 funcref)
(func $attack (param $info i32) (call_indirect (type $nothing) (i32.const {index})) (call $escaped))
