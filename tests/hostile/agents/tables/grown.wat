;; Grows a table for as long as the host lets it: it has its share and no more.
;; ends: done
(table $t 1 funcref)
(func $attack (param $info i32)
  (block $refused
    (loop $more
      (br_if $refused (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))
      (if (i32.gt_u (table.size $t) (i32.const 20000)) (then (call $escaped) (return)))
      (br $more))))
