;; Passes the bytes {bytes}, which are no text, where a text is due: it traps, and nobody downstream sees them.
;; each bytes: \ff | \c0\80 | \ed\a0\80 | \f4\90\80\80 | \e2\82 | \80 | \f8\88\80\80\80 | \ed\a0\bd\ed\b8\80
;; ends: trap utf-8
(data (i32.const 4096) "{bytes}\00")
(func $attack (param $info i32) (call $note (i32.const 4096)) (call $escaped))
