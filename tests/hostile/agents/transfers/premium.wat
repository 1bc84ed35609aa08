;; Hands the caller over to {number}, which its line does not list, to be paid by the minute: it is refused, and nobody is called.
;; each number: +33899123456 | +33 8 99 12 34 56 | +33-899-123456 | +33.899.123456 | +33\c2\a0899123456 | +1900555000 | +44909123456 | +8821612345 | +979123456789 | +33 2 99 12 34 56 | +3 | +330199000009 | + 33899123456
;; ends: done
;; refused: call.transfer not-permitted/invalid
(data (i32.const 4096) "{number}\00")
(func $attack (param $info i32)
  (call $call.transfer (i32.const 4096) (call $len (i32.const 4096)) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
  (call $must-refuse))
