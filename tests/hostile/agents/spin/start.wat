;; Computes without end in its start function, before anything could be asked of it: it is not loaded.
;; ends: unloadable without listening
(func $attack (param $info i32))
(func $start (loop $spin (br $spin)))
(start $start)
