;; Answers with an outcome at {where}, which is not its own: it traps, and the host reads nothing there.
;; each where: 0x02000000 | 0xfffffffc | 131068
;; ends: trap
;; without: answer
(func (export "answer") (param $info i32) (result i32) (i32.const {where}))
(func $attack (param $info i32))
