;; Fills the journal with notes as long as they may be: it is stopped, and nothing of another tenant's waits behind it.
;; ends: budget
(func $attack (param $info i32)
  (call $pages (i32.const 32))
  (call $fill (i32.const 131072) (i32.const 0x78) (i32.const 1000000))
  (loop $again
    (call $log.write (i32.const 3) (i32.const 131072) (i32.const 1000000))
    (br $again)))
