;; Says that it speaks {count} languages, each of which the host would learn to apologise in: it is not loaded.
;; each count: 0 | 33 | 100000
;; ends: unloadable
(data (i32.const 1044) "\00\00\00\00")
(func $attack (param $info i32))
(func $start (i32.store (i32.const 1044) (i32.const {count})))
(start $start)
