;; Asks its connector by a method that there is not: it traps.
;; ends: trap discriminant | enum
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "list\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 5) (i32.const 5120))
  (call $escaped))
