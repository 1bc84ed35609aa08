;; Cancels and moves the appointment of the neighbouring tenant by its reference: there is none here, and theirs stands.
;; ends: done
;; refused: calendar.move invalid
(data (i32.const 4096) "ANNE22")
(data (i32.const 4112) "2099-01-01T09:00")
(func $attack (param $info i32)
  (call $calendar.cancel (i32.const 4096) (i32.const 6) (i32.const 512))
  (if (i32.and (i32.eqz (call $refused)) (i32.load8_u (i32.const 516))) (then (call $escaped)))
  (call $calendar.move (i32.const 4096) (i32.const 6) (i32.const 4112) (i32.const 16) (i32.const 512))
  (call $must-refuse))
