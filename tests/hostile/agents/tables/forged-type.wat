;; Calls a function through a type that is not its own, to pass a number for a pointer: it traps.
;; ends: trap indirect call type mismatch
(type $other (func (param i64 i64) (result i64)))
(table 1 1 funcref)
(elem (i32.const 0) $say)
(func $attack (param $info i32)
  (drop (call_indirect (type $other) (i64.const 1) (i64.const 2) (i32.const 0)))
  (call $escaped))
