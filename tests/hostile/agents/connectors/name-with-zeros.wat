;; Names a connector that another program would cut at its zero to one of its own: there is no such connector.
;; ends: done
;; refused: connectors.send not-permitted/invalid
(data (i32.const 4096) "crm\00anne-crm\00")
(data (i32.const 5120) "secret\00")
(func $attack (param $info i32)
  (call $connectors.send (i32.const 4096) (i32.const 12) (i32.const 0) (i32.const 5120) (i32.const 6)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $must-refuse))
