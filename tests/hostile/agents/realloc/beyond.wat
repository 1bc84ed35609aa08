;; Gives {where} as room for what the host brings, which is not its own: it traps, and the host wrote nowhere.
;; each where: 0x02000000 | 0xfffffff0 | -8 | 131064
;; ends: trap
;; without: realloc
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const {where}))
(func $attack (param $info i32))
