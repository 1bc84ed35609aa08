;; Grows its memory page by page for as long as the host lets it, writing to each: it has its share and no more.
;; ends: memory
(func $attack (param $info i32)
  (loop $more
    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
    (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 0x41414141))
    (if (i32.gt_u (memory.size) (i32.const 512)) (then (call $escaped) (return)))
    (br $more)))
