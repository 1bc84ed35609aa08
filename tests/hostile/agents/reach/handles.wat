;; Makes {count} handles of a kind of its own, each of which costs the host and not the agent: it has its share and no more.
;; each count: 20000 | 200000 | 100000000
;; ends: trap handle
;; world: forger
(import "[export]forge" "[resource-new]thing" (func $new (param i32) (result i32)))
(func $attack (param $info i32)
  (local $n i32)
  (loop $next
    (drop (call $new (local.get $n)))
    (br_if $next (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {count}))))
  (call $escaped))
