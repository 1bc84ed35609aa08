;; Opens again what a caller who refused to be recorded has closed: it is refused.
;; ends: done
;; refused: call.consent not-permitted
(func $attack (param $info i32)
  (call $call.consent (i32.const 0) (i32.const 512))
  (call $call.consent (i32.const 1) (i32.const 512))
  (call $must-refuse))
