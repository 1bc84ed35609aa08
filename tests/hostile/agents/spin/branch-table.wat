;; Spins in a branch table whose every arm leads back to its head: it is stopped by its CPU time.
;; ends: budget without listening | silent
(func $attack (param $info i32)
  (local $n i32)
  (loop $head
    (local.set $n (i32.mul (i32.add (local.get $n) (i32.const 7)) (i32.const 31)))
    (block $a (block $b (block $c
      (br_table $a $b $c $head (i32.and (local.get $n) (i32.const 3))))
      (br $head))
      (br $head))
    (br $head)))
