;; Asks for {pages} pages at once: it gets none of them, and goes on with what it has.
;; each pages: 511 | 1024 | 4096 | 16384 | 32767 | 32768 | 65534 | -1
;; ends: done
(func $attack (param $info i32)
  (if (i32.ne (memory.grow (i32.const {pages})) (i32.const -1)) (then (call $escaped)))
  (if (i32.ne (memory.size) (i32.const 2)) (then (call $escaped))))
