;; Reads a document by a name that another program would cut at its zero: there is no such document.
;; ends: done
;; refused: documents.read unavailable/invalid
(data (i32.const 4096) "../anne/secret.txt\00.txt")
(func $attack (param $info i32)
  (call $documents.read (i32.const 4096) (i32.const 23) (i32.const 512))
  (call $must-refuse))
