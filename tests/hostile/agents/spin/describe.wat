;; Computes without end where it only has to say who it is: it is not loaded.
;; ends: unloadable without listening
;; without: describe
(func (export "describe") (result i32) (loop $spin (br $spin)) (unreachable))
(func $attack (param $info i32))
