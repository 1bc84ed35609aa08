;; Passes a text of sixteen mebibytes to {call}: it traps before the host has it.
;; each call: (call $log.write (i32.const 1) (i32.const 131072) (i32.const 16777216)) | (call $call.say (i32.const 131072) (i32.const 16777216) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512)) | (call $memory.set (i32.const 64) (i32.const 7) (i32.const 131072) (i32.const 16777216) (i32.const 512)) | (call $documents.read (i32.const 131072) (i32.const 16777216) (i32.const 512)) | (call $call.say (i32.const 64) (i32.const 7) (i32.const 0) (i32.const 1) (i32.const 131072) (i32.const 16777216) (i32.const 512)) | (call $connectors.send (i32.const 64) (i32.const 7) (i32.const 1) (i32.const 64) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 131072) (i32.const 16777216) (i32.const 512))
;; ends: trap fuel
(func $attack (param $info i32)
  (call $pages (i32.const 300))
  (call $fill (i32.const 131072) (i32.const 0x61) (i32.const 16777216))
  {call}
  (call $escaped))
