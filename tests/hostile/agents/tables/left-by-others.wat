;; Looks for functions that somebody left in a table nobody filled yet: every element of it is null.
;; ends: done
(table $t 1 20000 funcref)
(func $attack (param $info i32)
  (local $at i32)
  (drop (table.grow $t (ref.null func) (i32.const 19999)))
  (loop $next
    (if (i32.eqz (ref.is_null (table.get $t (local.get $at)))) (then (call $escaped) (return)))
    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (table.size $t)))))
