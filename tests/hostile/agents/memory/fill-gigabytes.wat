;; Fills {bytes} bytes of memory that it does not have: it traps at its own memory's end.
;; each bytes: 0x7fffffff | 0xffffffff | 0x02000000
;; ends: trap out of bounds memory access
(func $attack (param $info i32) (memory.fill (i32.const 65536) (i32.const 0x41) (i32.const {bytes})))
