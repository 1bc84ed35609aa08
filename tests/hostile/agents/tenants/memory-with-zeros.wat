;; Reads the memory of the neighbouring tenant under a key that spells a whole address of the store, zeros and all: nothing is there.
;; ends: done
(data (i32.const 4096) "\00anne\00\01secret\00")
(func $attack (param $info i32)
  (local $from i32) (local $count i32)
  ;; Every part of it, from every place on.
  (loop $from
    (local.set $count (i32.const 1))
    (loop $count
      (call $memory.get (i32.add (i32.const 4096) (local.get $from)) (local.get $count) (i32.const 512))
      (if (i32.and (i32.eqz (call $refused)) (i32.load8_u (i32.const 516))) (then (call $escaped)))
      (br_if $count (i32.le_u (i32.add (local.get $from) (local.tee $count (i32.add (local.get $count) (i32.const 1)))) (i32.const 14))))
    (br_if $from (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 1))) (i32.const 14)))))
