;; Calls {what}: it traps, and reaches no code but its own.
;; each what, code: a function by no reference = (drop (call_ref $lent (i32.const 64) (ref.null $lent))) | a function at its tail by no reference = (return_call_ref $taken (i32.const 64) (ref.null $taken)) | what a table does not hold, as if it did = (drop (call_ref $lent (i32.const 64) (ref.as_non_null (table.get $rt (i32.const 1)))))
;; ends: trap null
(type $lent (func (param i32) (result i32)))
(type $taken (func (param i32)))
(table $rt 4 (ref null $lent))
(func $attack (param $info i32) {code} (call $escaped))
