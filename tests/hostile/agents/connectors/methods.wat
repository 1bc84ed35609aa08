;; Asks its connector by {method}, which that does not grant: it is refused, and nothing is sent.
;; each method, number: put = 2 | patch = 3 | delete = 4
;; ends: done
;; refused: connectors.send not-permitted
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "list\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const {number}) (i32.const 5120))
  (call $must-refuse))
