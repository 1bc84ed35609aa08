;; Leaves words in all the memory and functions in all the tables that it can get, for whoever comes after it to find: nobody does.
;; ends: done
(table $t 1 20000 funcref)
(elem declare func $say)
(func $attack (param $info i32)
  (local $at i32)
  (call $pages (i32.const 480))
  (local.set $at (i32.const 131072))
  (loop $next
    (i64.store (local.get $at) (i64.const 0x5952414e4143))
    (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (i32.const 31000000))))
  (drop (table.grow $t (ref.func $say) (i32.const 19999))))
