;; Reads at address {at}, beyond its own memory: it traps.
;; each at: 131072 | 0x02000000 | 0x7fffffff | 0xfffffff8 | -1
;; ends: trap out of bounds memory access
(func $attack (param $info i32) (if (i64.ne (i64.load (i32.const {at})) (i64.const 0)) (then (call $escaped))))
