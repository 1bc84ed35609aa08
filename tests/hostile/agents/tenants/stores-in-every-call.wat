;; Stores as much as it may under keys that begin with {key}, as every call of its tenant does, and deletes nothing: all calls together have a bound.
;; each key: a | b | c | d | e | f | g | h
;; ends: done
;; refused: memory.set over-quota
(data (i32.const 4096) "{key}aaa")
(func $attack (param $info i32)
  (local $n i32)
  (call $fill (i32.const 8192) (i32.const 0x61) (i32.const 3000))
  ;; Far less than one call may store and ask.
  (loop $next
    (i32.store8 (i32.const 4097) (i32.add (i32.const 97) (i32.and (local.get $n) (i32.const 15))))
    (i32.store8 (i32.const 4098) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $n) (i32.const 4)) (i32.const 15))))
    (i32.store8 (i32.const 4099) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $n) (i32.const 8)) (i32.const 15))))
    (global.set $heap (i32.const 65536))
    (call $memory.set (i32.const 4096) (i32.const 4) (i32.const 8192) (i32.const 3000) (i32.const 512))
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $next (i32.and (i32.eqz (call $refused)) (i32.lt_u (local.get $n) (i32.const 300)))))
  (call $must-refuse))
