;; Computes without end in one empty loop: it is stopped by its own CPU time.
;; ends: budget without listening | silent
(func $attack (param $info i32) (loop $spin (br $spin)))
