;; Recurses through its table, so that no call graph shows it: it is stopped at its own stack's end.
;; ends: stack
(type $deeper (func (param i32) (result i32)))
(table 1 1 funcref)
(elem (i32.const 0) $deeper)
(func $deeper (param $n i32) (result i32)
  (i32.add (call_indirect (type $deeper) (i32.add (local.get $n) (i32.const 1)) (i32.const 0)) (local.get $n)))
(func $attack (param $info i32) (drop (call $deeper (i32.const 0))))
