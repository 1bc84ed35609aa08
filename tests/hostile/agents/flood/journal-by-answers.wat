;; Has the host fetch a large document again and again, each time into the journal: it is stopped.
;; ends: budget
(data (i32.const 4096) "large.txt\00")
(func $attack (param $info i32)
  (loop $again
    (global.set $heap (i32.const 65536))
    (call $documents.read (i32.const 4096) (call $len (i32.const 4096)) (i32.const 512))
    (br $again)))
