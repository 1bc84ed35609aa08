;; Uses {status} without having declared the ability: it is refused, and the refusal says how to be allowed.
;; each status, call: memory.get not-permitted = (call $memory.get (i32.const 64) (i32.const 7) (i32.const 512)) | memory.set not-permitted = (call $memory.set (i32.const 64) (i32.const 7) (i32.const 64) (i32.const 7) (i32.const 512)) | memory.delete not-permitted = (call $memory.delete (i32.const 64) (i32.const 7) (i32.const 512)) | documents.list not-permitted = (call $documents.list (i32.const 512)) | documents.read not-permitted = (call $documents.read (i32.const 64) (i32.const 7) (i32.const 512)) | documents.search not-permitted = (call $documents.search (i32.const 64) (i32.const 7) (i32.const 1) (i32.const 512)) | calendar.find not-permitted = (call $calendar.find (i32.const 64) (i32.const 7) (i32.const 512)) | calendar.cancel not-permitted = (call $calendar.cancel (i32.const 64) (i32.const 7) (i32.const 512)) | call.transfer not-permitted = (call $call.transfer (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)) | model.chat not-permitted = (call $model.chat (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (f32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
;; ends: done
;; refused: {status}
;; without: capabilities
(data (i32.const 1052) "\00\00\00\00")
(func $attack (param $info i32) {call} (call $must-refuse))
