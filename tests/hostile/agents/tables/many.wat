;; Declares more tables than any language needs, to empty the pool they come from: it is not loaded.
;; ends: unloadable table
(table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref)
(table 1 funcref) (table 1 funcref) (table 1 funcref)
(func $attack (param $info i32))
