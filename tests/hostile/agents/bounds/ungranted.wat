;; Declares every ability on a line that grants none, and uses {status}: it is refused.
;; each status, call: memory.get not-permitted = (call $memory.get (i32.const 64) (i32.const 7) (i32.const 512)) | documents.read not-permitted = (call $documents.read (i32.const 64) (i32.const 7) (i32.const 512)) | calendar.find not-permitted = (call $calendar.find (i32.const 64) (i32.const 7) (i32.const 512)) | call.transfer not-permitted = (call $call.transfer (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)) | model.chat not-permitted = (call $model.chat (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (f32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)) | connectors.send not-permitted = (call $connectors.send (i32.const 64) (i32.const 7) (i32.const 0) (i32.const 64) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
;; ends: done
;; refused: {status}
;; line: bare
(func $attack (param $info i32) {call} (call $must-refuse))
