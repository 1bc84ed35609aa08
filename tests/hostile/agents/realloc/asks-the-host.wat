;; Asks the host for something while the host asks it for room: it traps.
;; ends: trap cannot leave
;; without: realloc
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (drop (call $clock.elapsed)) (i32.const 65536))
(func $attack (param $info i32))
