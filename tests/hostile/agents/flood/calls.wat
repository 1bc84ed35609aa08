;; Floods the host with the cheapest of calls, {call}: it is stopped by its CPU time or by its number of calls, and every one is journaled.
;; each call: (drop (call $clock.elapsed)) | (call $clock.now (i32.const 512)) | (drop (call $clock.weekday)) | (call $random.bytes (i32.const 4096) (i32.const 512)) | (drop (call $model.available)) | (call $call.pause-recording (i32.const 512)) (call $call.resume-recording (i32.const 512)) | (call $call.consent (i32.const 1) (i32.const 512)) | (call $memory.get (i32.const 4096) (i32.const 3) (i32.const 512)) | (call $report.set (i32.const 8192) (i32.const 512)) | (call $understanding.say-number (i32.const 999999999) (i32.const 4096) (i32.const 2) (i32.const 512)) | (call $calendar.cancel (i32.const 4096) (i32.const 3) (i32.const 512)) | (call $documents.list (i32.const 512))
;; ends: budget
(data (i32.const 4096) "key")
;; A report's `status`, which is the fourth of its fields.
(data (i32.const 8192) "\03\00\00\00")
(func $attack (param $info i32)
  (loop $again
    ;; What was answered before is given up, so that its own memory does not end it.
    (global.set $heap (i32.const 65536))
    {call}
    (br $again)))
