;; Sends its connector all it can, again and again: its bytes are limited, and then it is refused.
;; ends: done
;; refused: connectors.send over-quota
(data (i32.const 4096) "crm\00")
(data (i32.const 5120) "list\00")
(func $attack (param $info i32)
  (local $n i32)
  (call $pages (i32.const 4))
  (call $fill (i32.const 131072) (i32.const 0x31) (i32.const 65536))
  (loop $next
    (call $connectors.send (i32.const 4096) (i32.const 3) (i32.const 1) (i32.const 5120) (i32.const 4)
      (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 131072) (i32.const 65536) (i32.const 512))
    (br_if $next
      (i32.and
        (i32.eqz (call $refused))
        (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100)))))
  (call $must-refuse))
