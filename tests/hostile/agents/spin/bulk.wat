;; Lets the machine do its spinning by {what} over as much as it has, again and again: it is stopped by its CPU time.
;; each what: (memory.fill (i32.const 65536) (i32.const 7) (i32.const 16777216)) | (memory.copy (i32.const 65536) (i32.const 65540) (i32.const 16777000)) | (memory.copy (i32.const 65540) (i32.const 65536) (i32.const 16777000)) | (table.fill $t (i32.const 0) (ref.null func) (i32.const 20000)) | (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 19999))
;; ends: budget without listening | silent
(table $t 20000 20000 funcref)
(func $attack (param $info i32)
  (call $pages (i32.const 260))
  (loop $spin {what} (br $spin)))
