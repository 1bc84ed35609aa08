;; Declares a table of {elements} functions: it is not loaded.
;; each elements: 20001 | 1000000 | 10000000 | 4294967295
;; ends: unloadable table
(table {elements} funcref)
(func $attack (param $info i32))
