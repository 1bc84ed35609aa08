;; Has its connector's service answer a mebibyte: it is cut off, and refused.
;; ends: done
;; refused: connectors.send invalid
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "huge\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  (call $must-refuse))
