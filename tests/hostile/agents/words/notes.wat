;; Writes the note {text} for a terminal to obey and a reader to believe: it is kept as it is, and shown as what it is.
;; each text: \1b]0;owned\07 | \1b]52;c;b3duZWQ=\07 | \1b[2J\1b[H | \1b[31mred\1b[0m | \1b[1A\1b[2K | \0dend       done (0 s; agent CPU 0 ms) | \0a   9.999  end        done (0 s; agent CPU 0 ms) | \0a{\22seq\22:1} | \c2\9b2J | \e2\80\aereversed | \08\08\08 | \7f | \0b\0c | \e2\80\a8line | hid\e2\80\8bden\ef\bb\bf | \f3\a0\81\81tag
;; ends: done
(data (i32.const 4096) "{text}\00")
(func $attack (param $info i32)
  (call $note (i32.const 4096))
  ;; And as a key, and in the report.
  (call $memory.set (i32.const 4096) (call $len (i32.const 4096)) (i32.const 64) (i32.const 7) (i32.const 512))
  (i32.store8 (i32.const 8192) (i32.const 4))
  (i32.store (i32.const 8196) (i32.const 4096))
  (i32.store (i32.const 8200) (call $len (i32.const 4096)))
  (call $report.set (i32.const 8192) (i32.const 512)))
