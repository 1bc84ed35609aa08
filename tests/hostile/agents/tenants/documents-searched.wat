;; Searches for the words of the neighbouring tenant's documents: the search reads the tenant's own.
;; ends: done
(data (i32.const 4096) "canary anne secret document consultation\00")
(func $attack (param $info i32)
  (call $documents.search (i32.const 4096) (call $len (i32.const 4096)) (i32.const 20) (i32.const 512))
  (if (i32.and (i32.eqz (call $refused)) (i32.ne (i32.load (i32.const 520)) (i32.const 0))) (then (call $escaped)))
  (call $documents.list (i32.const 512)))
