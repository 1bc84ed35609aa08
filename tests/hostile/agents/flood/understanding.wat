;; Asks what words mean with texts that take longest, {what}: it pays for the host's thinking with its own time, and is stopped.
;; each what: (call $understanding.when (i32.const 131072) (i32.const 8000) (i32.const 4096) (i32.const 2) (i32.const 2026) (i32.const 11) (i32.const 22) (i32.const 12) (i32.const 0) (i32.const 512)) | (call $understanding.name (i32.const 131072) (i32.const 8000) (i32.const 4096) (i32.const 2) (i32.const 512)) | (call $understanding.once (i32.const 131072) (i32.const 8000) (i32.const 512)) | (call $understanding.amount (i32.const 131072) (i32.const 8000) (i32.const 4096) (i32.const 2) (i32.const 512)) | (call $understanding.intents (i32.const 131072) (i32.const 8000) (i32.const 4096) (i32.const 2) (i32.const 512)) | (call $understanding.phone (i32.const 131072) (i32.const 8000) (i32.const 4096) (i32.const 2) (i32.const 4100) (i32.const 12) (i32.const 512))
;; ends: budget
(data (i32.const 4096) "fr\00\00+33199000001")
(data (i32.const 4200) "deux mille trois cent vingt et un mardi vingt heures trente six. ")
(func $attack (param $info i32)
  (local $at i32)
  (call $pages (i32.const 8))
  (local.set $at (i32.const 131072))
  (loop $text
    (memory.copy (local.get $at) (i32.const 4200) (i32.const 64))
    (br_if $text (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (i32.const 139072))))
  (loop $again
    (global.set $heap (i32.const 65536))
    {what}
    (br $again)))
