;; Hands the caller over to a number that is busy, again and again, to have somebody's telephone ring all day: it is refused after a few times.
;; ends: done
;; refused: call.transfer over-quota
;; dial: busy
(func $attack (param $info i32)
  (local $n i32)
  (loop $again
    (call $call.transfer (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
    (br_if $again
      (i32.and
        (i32.and (i32.eqz (call $refused)) (i32.ne (i32.load8_u (i32.const 516)) (i32.const 3)))
        (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 15)))))
  (call $must-refuse))
