;; Names the number {number}, which is no character, as the key that ends a turn: it traps.
;; each number: 0xd800 | 0xdfff | 0x110000 | -1
;; ends: trap char
(func $attack (param $info i32)
  (call $call.listen (i32.const 500) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const {number}) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 512))
  (call $escaped))
