;; Declares the ability {ability}, which nobody can grant: it is not loaded.
;; each ability: root!!!! | network. | wasi:cli | TRANSFER | transfe\00
;; ends: unloadable capability
(data (i32.const 109) "{ability}")
(func $attack (param $info i32))
