;; Lists connectors on a line that grants none: it is told of none, and the journal says that it was refused.
;; ends: done
;; refused: connectors.list not-permitted
;; line: bare
;; recording: never
(func $attack (param $info i32)
  (call $connectors.list (i32.const 512))
  (if (i32.load (i32.const 516)) (then (call $escaped))))
