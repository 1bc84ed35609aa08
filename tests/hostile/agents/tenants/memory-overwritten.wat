;; Overwrites, and deletes, what the neighbouring tenant keeps under a key of the same name: its own is written, and the neighbour's stays.
;; ends: done
;; The key is no other attack's: those run beside it, in the same tenant, and what they find must not be this.
(data (i32.const 4096) "shared")
(func $attack (param $info i32)
  (call $memory.set (i32.const 4096) (i32.const 6) (i32.const 64) (i32.const 7) (i32.const 512))
  (if (call $refused) (then (unreachable)))
  (call $memory.delete (i32.const 4096) (i32.const 6) (i32.const 512)))
