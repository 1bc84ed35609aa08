;; Gives the same room for everything the host brings, over its own code's data: it spoils its own call and no other.
;; ends: done
;; without: realloc
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
(func $attack (param $info i32))
