;; Gives its outcome and spins where it only has to free it: it is stopped, and its outcome does not stand.
;; ends: budget without listening | silent
(func (export "cabi_post_answer") (param $outcome i32) (loop $spin (br $spin)))
(func $attack (param $info i32))
