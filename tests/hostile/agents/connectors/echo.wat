;; Has its connector's service tell what it was asked with: the credential is taken out of the answer.
;; ends: done
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "echo\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  ;; An answer, and something in it.
  (if (i32.or (call $refused) (i32.eqz (i32.load (i32.const 524)))) (then (unreachable))))
