;; Announces a transfer with more words than a sentence may have, which no caller could interrupt: it is refused.
;; ends: done
;; refused: call.transfer invalid
(func $attack (param $info i32)
  (call $fill (i32.const 8192) (i32.const 0x61) (i32.const 4001))
  (call $call.transfer (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8192) (i32.const 4001) (i32.const 512))
  (call $must-refuse))
