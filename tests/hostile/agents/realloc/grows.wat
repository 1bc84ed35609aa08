;; Moves its memory under the host by growing it whenever room is asked for: the host writes where the memory is now.
;; ends: done
;; without: realloc
(global $heap (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
  (local.get $at))
(data (i32.const 4096) "fr")
(func $attack (param $info i32)
  (local $n i32)
  (loop $again
    (call $understanding.say-number (i32.const 15000) (i32.const 4096) (i32.const 2) (i32.const 512))
    ;; "quinze mille", in the page that was given last.
    (if (i32.ne (i32.load (i32.load (i32.const 512))) (i32.const 0x6e697571)) (then (call $escaped)))
    (if (i32.ne (i32.load (i32.const 512)) (i32.mul (i32.sub (memory.size) (i32.const 1)) (i32.const 65536))) (then (call $escaped)))
    (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100)))))
