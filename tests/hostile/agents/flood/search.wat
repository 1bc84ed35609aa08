;; Has the host read all documents for rare words again and again, on threads that are not its own: it is charged for it, and stopped.
;; ends: budget
(data (i32.const 4096) "abacus zither quixotic sphinx onyx vortex glyph waltz fjord nymph jukebox cwm bortz vex quick\00")
(func $attack (param $info i32)
  (loop $again
    (global.set $heap (i32.const 65536))
    (call $documents.search (i32.const 4096) (call $len (i32.const 4096)) (i32.const 20) (i32.const 512))
    (br $again)))
