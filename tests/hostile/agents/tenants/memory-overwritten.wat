;; Overwrites, and deletes, what the neighbouring tenant keeps under a key of the same name: its own is written, and the neighbour's stays.
;; ends: done
(data (i32.const 4096) "secret")
(func $attack (param $info i32)
  (call $memory.set (i32.const 4096) (i32.const 6) (i32.const 64) (i32.const 7) (i32.const 512))
  (if (call $refused) (then (unreachable)))
  (call $memory.delete (i32.const 4096) (i32.const 6) (i32.const 512)))
