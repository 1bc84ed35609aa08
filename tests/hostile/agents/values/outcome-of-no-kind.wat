;; Answers with an outcome of a kind there is not: it traps, and the call does not end as if it were done.
;; ends: trap discriminant
;; without: answer
(func (export "answer") (param $info i32) (result i32)
  (i32.store8 (i32.const 768) (i32.const 5))
  (i32.const 768))
(func $attack (param $info i32))
