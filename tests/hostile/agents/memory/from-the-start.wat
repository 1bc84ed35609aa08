;; Declares {pages} pages of memory from the start, before any limit is asked: it is not loaded.
;; each pages: 513 | 1024 | 1025 | 65536
;; ends: unloadable memor
;; without: memory
(memory (export "memory") {pages})
(func $attack (param $info i32))
