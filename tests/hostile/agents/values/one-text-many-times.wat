;; Passes a list of {count} texts that are all the same mebibyte, so that a little of its memory is much of the host's: it traps at a mebibyte.
;; each count: 2 | 1000 | 100000
;; ends: trap fuel
(func $attack (param $info i32)
  (local $at i32)
  (call $pages (i32.const 64))
  (call $fill (i32.const 1048576) (i32.const 0x61) (i32.const 1048000))
  (local.set $at (i32.const 131072))
  (loop $next
    (i32.store (local.get $at) (i32.const 1048576))
    (i32.store offset=4 (local.get $at) (i32.const 1048000))
    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 1000000))))
  (call $understanding.say-list (i32.const 131072) (i32.const {count}) (i32.const 0) (i32.const 64) (i32.const 2) (i32.const 512))
  (call $escaped))
