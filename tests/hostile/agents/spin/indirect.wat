;; Spins through a table of functions that call one another: it is stopped by its CPU time.
;; ends: budget without listening | silent
(type $step (func (param i32)))
(table 2 2 funcref)
(elem (i32.const 0) $even $odd)
(func $even (param $n i32) (return_call_indirect (type $step) (i32.add (local.get $n) (i32.const 1)) (i32.const 1)))
(func $odd (param $n i32) (return_call_indirect (type $step) (i32.add (local.get $n) (i32.const 1)) (i32.const 0)))
(func $attack (param $info i32) (call $even (i32.const 0)))
