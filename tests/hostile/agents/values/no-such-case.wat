;; Passes a case that an enumeration or a variant does not have: {call}. It traps.
;; each call: (call $log.write (i32.const 4) (i32.const 64) (i32.const 7)) | (call $log.write (i32.const -1) (i32.const 64) (i32.const 7)) | (call $call.say (i32.const 64) (i32.const 7) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)) | (call $call.say (i32.const 64) (i32.const 7) (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 512)) | (call $call.listen (i32.const 500) (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)) | (call $report.set (i32.const 4096) (i32.const 512)) | (call $model.chat (i32.const 4096) (i32.const 1) (i32.const 0) (i32.const 0) (f32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
;; ends: trap discriminant
(data (i32.const 4096) "\63\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00")
(func $attack (param $info i32) {call} (call $escaped))
