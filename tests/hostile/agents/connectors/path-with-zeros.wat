;; Asks its connector for a path with a zero in it: it is refused.
;; ends: done
;; refused: connectors.send invalid
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "a\00/../../anne/secret")
(func $attack (param $info i32)
  (call $connectors.send (i32.const 4096) (i32.const 3) (i32.const 0) (i32.const 5120) (i32.const 21)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $must-refuse))
