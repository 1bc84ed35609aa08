;; Has the host write its answer to {where}, which is not its own: it traps, and the host wrote nowhere else.
;; each where: 131072 | 0x02000000 | 0xfffffffc | -4
;; ends: trap
(func $attack (param $info i32) (call $clock.now (i32.const {where})) (call $escaped))
