;; Gives up with the reason {text} for a terminal to obey: it is kept as it is, and shown as what it is.
;; each text: \1b]0;owned\07 | \1b[2J\1b[H | \0a   9.999  caller     « oui » | \c2\9b2J
;; ends: failed
(data (i32.const 4096) "{text}\00")
(func $attack (param $info i32)
  (call $escaped)
  (i32.store (i32.const 772) (i32.const 4096))
  (i32.store (i32.const 776) (call $len (i32.const 4096))))
