;; Sets more fields of its report than a report has: it is refused.
;; ends: done
;; refused: report.set invalid
;; A field of the tenant's own: a name of three letters at 4200, and no value.
(data (i32.const 4096) "\05\00\00\00\68\10\00\00\03\00\00\00\00\00\00\00\00\00\00\00")
(data (i32.const 4200) "aaa")
(func $attack (param $info i32)
  (local $n i32)
  (loop $next
    (i32.store8 (i32.const 4200) (i32.add (i32.const 33) (local.get $n)))
    (call $report.set (i32.const 4096) (i32.const 512))
    (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 70))))
  (call $must-refuse))
