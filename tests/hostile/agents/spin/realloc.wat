;; Spins where the host asks it for room for the call's own data: that counts as its own computing, and it is stopped.
;; ends: budget without listening | silent
;; without: realloc
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (loop $spin (br $spin)) (unreachable))
(func $attack (param $info i32))
