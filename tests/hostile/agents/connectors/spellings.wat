;; Uses connectors that its tenant's admin had lead to addresses inside, in thirty-two spellings of group {group}: nothing is sent to any, and each is refused for where it goes.
;; each group: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9
;; ends: done
;; refused: connectors.send unavailable
;; inside: {group}
(data (i32.const 4096) "c00\00")
(data (i32.const 5120) "list\00")
(func $attack (param $info i32)
  (local $n i32)
  (loop $next
    (i32.store8 (i32.const 4097) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
    (i32.store8 (i32.const 4098) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
    (call $send (i32.const 4096) (i32.const 0) (i32.const 5120))
    (call $must-refuse)
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $n) (i32.const 32)))))
