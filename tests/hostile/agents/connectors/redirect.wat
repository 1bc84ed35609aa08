;; Has its connector's service redirect to where the neighbour's secret is: the redirect is the answer, and nobody follows it.
;; ends: done
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "redirect\00")
(func $attack (param $info i32)
  (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
  (if (i32.or (call $refused) (i32.ne (i32.load16_u (i32.const 516)) (i32.const 302))) (then (call $escaped))))
