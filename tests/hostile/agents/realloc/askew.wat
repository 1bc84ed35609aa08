;; Gives room at an address that the value may not have: it traps.
;; ends: trap align
;; without: realloc
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65537))
(func $attack (param $info i32))
